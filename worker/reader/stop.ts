import type { JobErrorCode, JobPhase } from '../../core/job/error.ts';
import { ReaderError } from './error.ts';
import type { ReaderProcess } from './process.ts';

/** How often the child's memory is looked at, in milliseconds. */
const SAMPLE_MS = 20;

/** The first reason to end a run before its outcome; later ones are ignored. */
export class Stop {
  /** The phase that errors are said to happen in: the child's last. */
  phase: JobPhase = 'opening';
  readonly #early = Promise.withResolvers<never>();

  constructor() {
    this.#early.promise.catch(() => {});
  }

  fail(code: JobErrorCode, message: string, details: ReaderError['details'] = {}): void {
    this.reject(new ReaderError(code, this.phase, message, details));
  }

  reject(error: unknown): void {
    this.#early.reject(error);
  }

  /** The value, or a rejection with the reason to stop, whichever comes first. */
  or<T>(value: Promise<T>): Promise<T> {
    return Promise.race([this.#early.promise, value]);
  }
}

/** Stops the run when its time is over or its signal aborts; gives what ends the watch. */
export function watchTime(stop: Stop, timeMs: number, signal: AbortSignal | undefined): () => void {
  const timer = setTimeout(() => {
    stop.fail('TIMEOUT', `not done after ${timeMs} ms`, { limit: 'timeMs', time_ms: timeMs });
  }, timeMs);
  const cancel = () => stop.fail('CANCELLED', 'the inspection was cancelled');
  signal?.addEventListener('abort', cancel, { once: true });
  if (signal?.aborted) cancel();
  return () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', cancel);
  };
}

/**
 * Stops the run when the child's resident memory passes `memoryBytes`: the heap's own bound leaves Buffers
 * out. The kernel's high-water mark is what is read, so a peak between two looks counts. Gives what ends the watch.
 */
export function watchMemory(stop: Stop, child: ReaderProcess, memoryBytes: number): () => void {
  const timer = setInterval(async () => {
    const peak = await child.peakMemory();
    if (peak > memoryBytes) stop.fail('LIMIT_EXCEEDED', ...memoryExceeded(memoryBytes, peak));
  }, SAMPLE_MS);
  return () => clearInterval(timer);
}

/** Message and details of the memory limit; `peak` is null where V8 gave up by itself. */
export function memoryExceeded(memoryBytes: number, peak: number | null): [string, ReaderError['details']] {
  const message = `the reader needs more memory than memoryBytes (${memoryBytes}) allows`;
  return [message, { limit: 'memoryBytes', memory_bytes: memoryBytes, peak_bytes: peak }];
}
