import type { Context } from '../core/context.ts';
import type { Offer } from '../core/job/requirements.ts';
import type { Lane, ReceivedMessage } from '../core/ports.ts';
import { claim } from '../core/use-cases/claim.ts';
import { runLoop } from './loop.ts';
import type { OperationRunner } from './operations/operation.ts';
import { type Polled, poll } from './poll.ts';
import { repeat } from './repeat.ts';
import { runJob } from './runner.ts';

export type WorkerOptions = {
  readonly offer: Omit<Offer, 'operations'>;
  readonly operations: ReadonlyMap<string, OperationRunner>;
  readonly diskFormats: readonly string[];
  /** Jobs at a time. */
  readonly concurrency: number;
  /** How long running jobs may go on once the worker is told to stop, in milliseconds. */
  readonly drainMs: number;
};

export type Worker = {
  /** Takes no new job, waits for running ones up to the drain time, hands back the rest, and unregisters. */
  drain(): Promise<void>;
};

const BEAT_MS = 10_000;
const TIME_TO_LIVE_SECONDS = 30;
const POLL_WAIT_SECONDS = 20;

/** A mismatch is released with a delay that grows with each receive, in seconds. */
const RELEASE_FIRST_SECONDS = 5;
const RELEASE_LONGEST_SECONDS = 60;

/** Registers the worker, then polls and runs jobs until it is drained. */
export async function startWorker(context: Context, options: WorkerOptions): Promise<Worker> {
  const { queue, settings, log, workers, jobs } = context;
  const offer: Offer = { ...options.offer, operations: [...options.operations.keys()] };
  const visibilitySeconds = Math.ceil(settings.leaseMs / 1000);
  const polling = new AbortController();
  const draining = new AbortController();
  const startedAt = jobs.now();
  let active = 0;

  const beat = () =>
    workers.beat({
      ...offer,
      disk_formats: options.diskFormats,
      max_concurrent_jobs: options.concurrency,
      active_jobs: active,
      started_at: startedAt,
      time_to_live_seconds: TIME_TO_LIVE_SECONDS,
    });

  const handle = async ({ lane, received }: Polled): Promise<void> => {
    const { message } = received;
    const claimed = await claim(traced(context, message.trace_id), message, offer);
    if (claimed.outcome === 'release') {
      const wait = Math.min(RELEASE_LONGEST_SECONDS, RELEASE_FIRST_SECONDS * received.receives);
      return queue.release(lane, received.receipt, wait);
    }
    if (claimed.outcome === 'claimed') {
      const operation = options.operations.get(claimed.document.operation);
      if (operation === undefined) throw new Error(`no runner for ${claimed.document.operation}`);
      active += 1;
      const trace = claimed.document.observability?.trace_id ?? message.trace_id;
      await runJob(traced(context, trace), claimed, operation, {
        draining: draining.signal,
        renewed: () => {
          queue.extend(lane, received.receipt, visibilitySeconds).catch((error: unknown) => {
            log({ level: 'warn', message: "a message's visibility was not extended", error });
          });
        },
      });
      active -= 1;
    }
    remove(lane, received);
  };

  // The next job need not wait for it: a message that stays is a duplicate, and its claim is refused.
  const removing = new Set<Promise<void>>();
  const remove = (lane: Lane, { receipt }: ReceivedMessage): void => {
    const removed: Promise<void> = queue
      .remove(lane, receipt)
      .catch((error: unknown) => log({ level: 'warn', message: 'a message was not removed', error }))
      .finally(() => removing.delete(removed));
    removing.add(removed);
  };

  await beat();
  const stopBeating = repeat('the registration of the worker', BEAT_MS, beat, log);
  let turn = 0;
  const loop = runLoop<Polled>(
    options.concurrency,
    {
      poll: (max, signal) =>
        poll(queue, offer.pool, {
          max,
          turn: turn++,
          waitSeconds: POLL_WAIT_SECONDS,
          visibilitySeconds,
          signal,
        }),
      handle,
      giveBack: ({ lane, received }) => queue.release(lane, received.receipt, 0),
      log,
    },
    polling.signal,
  );

  return {
    async drain() {
      polling.abort();
      const patience = setTimeout(() => draining.abort(), options.drainMs);
      await loop;
      await Promise.all(removing);
      clearTimeout(patience);
      await stopBeating();
      await workers.remove(offer.worker_id);
    },
  };
}

/** The same context, whose log names the trace that a job belongs to. */
function traced(context: Context, traceId: string | undefined): Context {
  if (traceId === undefined) return context;
  return { ...context, log: (event) => context.log({ ...event, trace_id: traceId }) };
}
