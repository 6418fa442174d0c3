import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../core/context.ts';

/** What the loop does, as functions, so that a test drives it. */
export type LoopEffects<M> = {
  /** Up to `max` messages; waits for the first; ends early with none when the signal aborts. */
  readonly poll: (max: number, signal: AbortSignal) => Promise<readonly M[]>;
  /** Works on one message to its end; never throws. */
  readonly handle: (message: M) => Promise<void>;
  /** Gives a message back that came when the loop was already stopping. */
  readonly giveBack: (message: M) => Promise<void>;
  readonly log: Log;
};

const ERROR_PAUSE_MS = 1000;

/**
 * Polls and handles, at most `concurrency` messages at a time, until the signal aborts; then no new message
 * is taken. Resolves when every message in hand has been handled. A poll that fails is tried again after a
 * pause.
 */
export async function runLoop<M>(
  concurrency: number,
  { poll, handle, giveBack, log }: LoopEffects<M>,
  signal: AbortSignal,
): Promise<void> {
  const running = new Set<Promise<void>>();
  while (!signal.aborted) {
    if (running.size >= concurrency) {
      await Promise.race(running);
      continue;
    }
    try {
      for (const message of await poll(concurrency - running.size, signal)) {
        const handled: Promise<void> = (signal.aborted ? giveBack(message) : handle(message))
          .catch((error: unknown) => log({ level: 'error', message: 'a message was not handled', error }))
          .finally(() => running.delete(handled));
        running.add(handled);
      }
    } catch (error) {
      log({ level: 'error', message: 'polling failed', error });
      await delay(ERROR_PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
  }
  await Promise.all(running);
}
