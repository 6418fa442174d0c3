import { mismatch, type Requirements } from './job/requirements.ts';
import type { LiveWorker, WorkerRegistry } from './ports.ts';

/** The live workers, read at most every few seconds. */
export type Fleet = {
  /** What no live worker offers for this job, in words; null when one can run it. */
  lacks(requires: Requirements): Promise<string | null>;
};

const FRESH_MS = 5000;
const STALE_MS = 200;

/**
 * The registry behind a cache, so that a submit costs no read: a positive answer may be 5 s old, a negative
 * one is looked at again after 200 ms, since a worker that has just started should get its jobs.
 */
export function createFleet(workers: WorkerRegistry, now: () => number): Fleet {
  let cached: { readonly at: number; readonly list: Promise<readonly LiveWorker[]> } | null = null;

  const listed = (maxAge: number): Promise<readonly LiveWorker[]> => {
    if (cached === null || now() - cached.at > maxAge || now() < cached.at) {
      const list = workers.list();
      const entry = { at: now(), list };
      cached = entry;
      list.catch(() => {
        if (cached === entry) cached = null;
      });
    }
    return cached.list;
  };

  return {
    async lacks(requires) {
      for (const maxAge of [FRESH_MS, STALE_MS]) {
        const list = await listed(maxAge);
        if (list.some((worker) => mismatch(requires, worker) === null)) return null;
      }
      const [first, ...others] = await listed(STALE_MS);
      // With several workers, each lacks something of its own: name the operation and what it asks for.
      if (first === undefined) return 'a live worker';
      if (others.length === 0) return mismatch(requires, first);
      return `a worker that offers ${[requires.operation, ...requires.features].join(', ')} and meets the job's constraints`;
    },
  };
}
