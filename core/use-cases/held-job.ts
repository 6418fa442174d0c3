import type { Context } from '../context.ts';
import { ContentionError, DisklaneError } from '../errors.ts';
import { retryDelayMs } from '../job/backoff.ts';
import type { Command, Refusal } from '../job/commands.ts';
import type { JobError } from '../job/error.ts';
import { fingerprint } from '../job/fingerprint.ts';
import type { JobProgress, JobRecord } from '../job/record.ts';
import { decide } from '../job/transitions.ts';
import { announce } from './announce.ts';
import { claimFailureKey, claimResultKey, putResult, withFailureResult } from './publish.ts';

/** Another lease, or an end of the job, took this one's place: nothing this worker does counts any more. */
export class LeaseLostError extends DisklaneError {
  readonly code = 'CONFLICT';
}

/** A cancel was requested before the job could start; the holder owes a {@link HeldJob.stop}. */
export class CancelRequestedError extends DisklaneError {
  readonly code = 'CONFLICT';
}

/** Swaps that may fail in a row; each failure means that somebody else's write got in. */
const SWAP_ATTEMPTS = 10;

/**
 * A job under this worker's lease. Its writes go one after another and without reading first: the holder is
 * the record's only writer but for a cancel request. Every method throws a LeaseLostError once the lease is
 * another's.
 */
export class HeldJob {
  readonly leaseId: string;
  readonly #context: Context;
  #record: JobRecord;
  #writes: Promise<unknown> = Promise.resolve();

  constructor(context: Context, record: JobRecord, leaseId: string) {
    this.#context = context;
    this.#record = record;
    this.leaseId = leaseId;
  }

  /** The record as this worker last wrote or read it. */
  get record(): JobRecord {
    return this.#record;
  }

  /** Assigned to Running. */
  async start(): Promise<void> {
    await this.#apply((now) => ({ type: 'start', lease_id: this.leaseId, now }));
  }

  /** Extends the lease and stores the latest progress; the record read back says whether to stop. */
  async heartbeat(progress: JobProgress | null): Promise<void> {
    const { jobs, settings, events } = this.#context;
    const record = await this.#apply((now) => ({
      type: 'heartbeat',
      lease_id: this.leaseId,
      lease_ends_at: now + settings.leaseMs,
      progress,
      now,
    }));
    if (progress === null) return;
    await events.append(record.job_id, [{ at: jobs.now(), ...progress }], record.version);
  }

  /** Publishes the result, then ends the job Completed. */
  async complete(result: unknown): Promise<void> {
    const key = claimResultKey(this.#record, this.leaseId);
    const reference = await putResult(this.#context, key, JSON.stringify(result));
    await this.#apply((now) => ({ type: 'complete', lease_id: this.leaseId, result: reference, now }));
  }

  /** Ends this attempt: Failed with its result document, or Pending again when a retry is left. */
  async fail(error: JobError): Promise<JobRecord> {
    const delay = retryDelayMs(this.#record.failures, this.#context.random());
    const record = await this.#apply(
      (now) => ({ type: 'fail', lease_id: this.leaseId, error, retry_at: now + delay, now }),
      (next) =>
        next.status === 'Failed'
          ? withFailureResult(this.#context, next, error, claimFailureKey(this.#record, this.leaseId))
          : Promise.resolve(next),
    );
    await announce(this.#context, record);
    return record;
  }

  /** Gives the job back unfinished (drain); with a cancel requested it ends Cancelled. */
  async handBack(reason: string): Promise<void> {
    const record = await this.#apply((now) => ({ type: 'hand_back', lease_id: this.leaseId, reason, now }));
    await announce(this.#context, record);
  }

  /** Ends a job whose cancel was requested. */
  async stop(): Promise<void> {
    await this.#apply((now) => ({ type: 'stop', lease_id: this.leaseId, now }));
  }

  #refused(refusal: Refusal): DisklaneError {
    const message = `job ${this.#record.job_id}: ${refusal}`;
    return refusal === 'cancel_requested' ? new CancelRequestedError(message) : new LeaseLostError(message);
  }

  #apply(
    command: (now: number) => Command,
    prepare: (next: JobRecord) => Promise<JobRecord> = (next) => Promise.resolve(next),
  ): Promise<JobRecord> {
    const done = this.#writes.then(() => this.#swap(command, prepare));
    this.#writes = done.catch(() => undefined);
    return done;
  }

  async #swap(
    command: (now: number) => Command,
    prepare: (next: JobRecord) => Promise<JobRecord>,
  ): Promise<JobRecord> {
    const { jobs } = this.#context;
    for (let attempt = 0; attempt < SWAP_ATTEMPTS; attempt++) {
      const decision = decide(this.#record, command(jobs.now()));
      if (!decision.ok) throw this.#refused(decision.refusal);
      const next = await prepare(decision.record);
      const swap = await jobs.replace(next, this.#record.version);
      if (swap.replaced || landed(swap.current, next)) {
        this.#record = next;
        return next;
      }
      if (swap.current?.lease?.id !== this.leaseId) {
        throw new LeaseLostError(`job ${this.#record.job_id}: the lease is no longer this worker's`);
      }
      this.#record = swap.current;
    }
    throw new ContentionError(`job ${this.#record.job_id}: ${SWAP_ATTEMPTS} writes in a row came too late`);
  }
}

/** Whether the store holds this very record: then the swap was made and only its reply was lost. */
function landed(current: JobRecord | null, next: JobRecord): boolean {
  return current?.version === next.version && fingerprint(current) === fingerprint(next);
}
