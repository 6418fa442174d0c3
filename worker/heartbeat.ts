import type { Log } from '../core/context.ts';
import type { JobProgress } from '../core/job/record.ts';
import { type HeldJob, LeaseLostError } from '../core/use-cases/held-job.ts';
import type { StopReason } from './stop.ts';

/** Progress is stored at most this often, in milliseconds. */
const PROGRESS_MS = 1000;
const PROGRESS_FIRST_MS = 250;

/** The share of a lease after which a worker that could not renew it stops by itself. */
const SELF_STOP = 0.9;

/** What of a held job a heartbeat needs. */
export type Beating = Pick<HeldJob, 'heartbeat' | 'record'>;

/**
 * Keeps a job's lease while it runs: a heartbeat at a third of the lease, and sooner (at most once a second)
 * when there is progress to tell. Calls `stop` when the lease is lost, a cancel was requested, or the store
 * could not be reached until nearly the lease's end by this machine's monotonic clock.
 */
export class Heartbeat {
  readonly #job: Beating;
  readonly #leaseMs: number;
  readonly #renewed: () => void;
  readonly #stop: (reason: StopReason) => void;
  readonly #log: Log;
  #untold: JobProgress | null = null;
  #toldAt = Number.NEGATIVE_INFINITY;
  #renewedAt = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #watchdog: NodeJS.Timeout | undefined;
  #beating: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(options: {
    job: Beating;
    leaseMs: number;
    /** Called after each renewal: the moment to extend the message's visibility. */
    renewed: () => void;
    stop: (reason: StopReason) => void;
    log: Log;
  }) {
    this.#job = options.job;
    this.#leaseMs = options.leaseMs;
    this.#renewed = options.renewed;
    this.#stop = options.stop;
    this.#log = options.log;
    this.#alive(performance.now());
    this.#schedule();
  }

  /** Takes the latest progress; the heartbeat that carries it follows soon. */
  progress(progress: JobProgress): void {
    const first = this.#untold === null;
    this.#untold = progress;
    if (first) this.#schedule();
  }

  /** No more heartbeats; resolves when the last one is through. */
  async end(): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#watchdog);
    await this.#beating;
  }

  /** The lease was renewed by a write sent at `at`. A store that then stays silent must not outlast it. */
  #alive(at: number): void {
    this.#renewedAt = at;
    clearTimeout(this.#watchdog);
    const left = at + this.#leaseMs * SELF_STOP - performance.now();
    if (!this.#ended) this.#watchdog = setTimeout(() => this.#stop('lease_lost'), Math.max(0, left));
  }

  #schedule(): void {
    const now = performance.now();
    const renewal = this.#renewedAt + this.#leaseMs / 3;
    // Progress waits a little: most jobs end before anyone could see it.
    const telling = Math.max(now + PROGRESS_FIRST_MS, this.#toldAt + PROGRESS_MS);
    this.#beatAt(this.#untold === null ? renewal : Math.min(renewal, telling));
  }

  #beatAt(at: number): void {
    clearTimeout(this.#timer);
    if (!this.#ended) this.#timer = setTimeout(() => this.#beat(), Math.max(0, at - performance.now()));
  }

  #beat(): void {
    const sentAt = performance.now();
    const progress = this.#untold;
    this.#untold = null;
    if (progress !== null) this.#toldAt = sentAt;
    this.#beating = this.#job.heartbeat(progress).then(
      () => {
        this.#alive(sentAt);
        if (this.#job.record.cancel_requested) this.#stop('cancel');
        this.#renewed();
        this.#schedule();
      },
      (error: unknown) => {
        if (error instanceof LeaseLostError) {
          this.#stop('lease_lost');
          return;
        }
        this.#log({ level: 'warn', message: 'a heartbeat failed', job_id: this.#job.record.job_id, error });
        this.#untold ??= progress;
        // A store that did not answer is asked again soon, until the watchdog ends it.
        this.#beatAt(performance.now() + Math.min(PROGRESS_MS, this.#leaseMs / 10));
      },
    );
  }
}
