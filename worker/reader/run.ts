import { setTimeout as delay } from 'node:timers/promises';
import type { JobPhase } from '../../core/job/error.ts';
import type { InspectRequest } from '../../disk/inspection.ts';
import { encodeStart } from '../../disk/reader/protocol.ts';
import type { Served } from './broker.ts';
import { fromDiskError, ReaderError } from './error.ts';
import { type OpenedFile, openImage } from './open-image.ts';
import { BadOutput, type ChildProgress, type Outcome, readOutcome } from './outcome.ts';
import type { ReaderProcess } from './process.ts';
import type { Readers } from './readers.ts';
import { memoryExceeded, Stop, watchMemory, watchTime } from './stop.ts';

/** How long the end of a run waits for its threads: one may hang in a read of a dead file server. */
const GRACE_MS = 1000;

export type ReadJob = {
  /** In the order of `request.images`: the machine's first disk, then the rest. */
  readonly images: readonly {
    /** Absolute. */
    readonly path: string;
    /** SHA-256 that the stored file must have, in hexadecimal; null or absent: none is computed. */
    readonly sha256?: string | null;
    /** Size in bytes that it must have. */
    readonly size?: number | null;
  }[];
  readonly request: InspectRequest;
  /** Milliseconds from start to outcome, checksums included. */
  readonly timeMs: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ChildProgress) => void;
};

export type Reading = {
  readonly inspection: Readonly<Record<string, unknown>>;
  /** What the child read (checksums apart), and the most resident memory it was seen to have, in bytes. */
  readonly statistics: { readonly reads: number; readonly bytesRead: number; readonly peakMemory: number };
  /** By image: the size of the stored file in bytes, and its SHA-256 where it was verified. */
  readonly images: readonly { readonly size: number; readonly sha256: string | null }[];
};

/**
 * Reads one machine's images in a child of its own. Rejects with a ReaderError: what openImage says; the
 * child's DiskError in the terms of a job; IMAGE_CHECKSUM_MISMATCH, IMAGE_CHANGED, TIMEOUT, CANCELLED;
 * LIMIT_EXCEEDED for memoryBytes; READER_CRASHED. When it settles the child has ended and every file is
 * closed, except where a thread hangs in a read: then that follows when the thread comes back.
 */
export async function readImages(readers: Readers, job: ReadJob): Promise<Reading> {
  const run = new Run(readers, job);
  try {
    return await run.read();
  } catch (error) {
    throw run.explain(error);
  } finally {
    await run.release();
  }
}

class Run {
  readonly #readers: Readers;
  readonly #job: ReadJob;
  readonly #stop = new Stop();
  readonly #files: OpenedFile[] = [];
  /** What must have ended before descriptors may be closed. */
  readonly #busy: Promise<unknown>[] = [];
  readonly #watches: (() => void)[] = [];
  readonly #stopHashing = new SharedArrayBuffer(4);
  #child: ReaderProcess | null = null;

  constructor(readers: Readers, job: ReadJob) {
    this.#readers = readers;
    this.#job = job;
    this.#watches.push(watchTime(this.#stop, job.timeMs, job.signal));
  }

  async read(): Promise<Reading> {
    for (const image of this.#job.images) await this.#open(image);
    const hashing = this.#hash();
    const child = await this.#takeChild();
    const served = this.#serve(child);
    const outcome = await this.#stop.or(readOutcome(child.output, (progress) => this.#progress(progress)));
    if (outcome === null) throw await this.#crash(child);
    const peakMemory = await child.peakMemory();
    child.kill();
    // What is said of the content stands only for the content that was meant, so a mismatch goes first.
    if (outcome.kind === 'result' || isAboutContent(outcome)) await this.#verify(hashing);
    if (outcome.kind === 'disk_error') throw fromDiskError(outcome.phase, outcome.error);
    if (outcome.kind === 'internal_error') throw this.#crashed(outcome.phase, outcome.message);
    const { reads, bytesRead } = await this.#stop.or(served);
    const sums = await hashing;
    return {
      inspection: outcome.inspection,
      statistics: { reads, bytesRead, peakMemory },
      images: this.#files.map(({ size }, i) => ({ size, sha256: sums[i] ?? null })),
    };
  }

  /** Ends the child, and closes what is open as soon as no thread uses it; waits for that, but not for ever. */
  async release(): Promise<void> {
    for (const unwatch of this.#watches) unwatch();
    Atomics.store(new Int32Array(this.#stopHashing), 0, 1);
    this.#child?.kill();
    const released = Promise.allSettled(this.#busy).then(async () => {
      // Again, for the child that came only now.
      this.#child?.kill();
      await this.#child?.exited;
      this.#child?.closePipes();
      await Promise.all(this.#files.map((file) => file.close()));
    });
    this.#readers.track(released);
    const grace = new AbortController();
    await Promise.race([released, delay(GRACE_MS, undefined, { signal: grace.signal }).catch(() => {})]);
    grace.abort();
    this.#readers.warm();
  }

  explain(error: unknown): ReaderError {
    if (error instanceof ReaderError) return error;
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof BadOutput) return this.#crashed(this.#stop.phase, reason, this.#child?.stderr);
    return new ReaderError('OPERATION_FAILED', this.#stop.phase, `cannot read: ${reason}`, {}, error);
  }

  async #open({ path, size }: ReadJob['images'][number]): Promise<void> {
    const opening = openImage(path, this.#readers.roots).then((file) => {
      this.#files.push(file);
      return file;
    });
    this.#busy.push(opening);
    const file = await this.#stop.or(opening);
    if (size !== undefined && size !== null && size !== file.size) throw wrongSize(path, size, file.size);
  }

  async #takeChild(): Promise<ReaderProcess> {
    const taking = this.#readers.take().then(
      (child) => {
        this.#child = child;
        return child;
      },
      (error) => {
        throw this.#crashed(this.#stop.phase, `it cannot be started: ${error}`);
      },
    );
    this.#busy.push(taking);
    const child = await this.#stop.or(taking);
    this.#watches.push(watchMemory(this.#stop, child, this.#readers.memoryBytes));
    return child;
  }

  #serve({ requests, replies }: ReaderProcess): Promise<Served> {
    const { request } = this.#job;
    const served = this.#readers.threads.serve({
      kind: 'serve',
      requests,
      replies,
      start: encodeStart({ request, sizes: this.#files.map((file) => file.size) }),
      sources: this.#files.map(({ descriptor, size }) => ({ descriptor, size })),
      maxBytesRead: request.limits.maxBytesRead,
    });
    this.#busy.push(served);
    served.then(
      ({ violation }) => {
        if (violation !== null) this.#stop.fail('READER_CRASHED', `the reader sent ${violation}`);
      },
      (error) => this.#stop.reject(error),
    );
    return served;
  }

  /** Hashes what is to be verified, beside the reading; a mismatch ends the run as soon as it is known. */
  #hash(): Promise<(string | null)[]> {
    const hashing = Promise.all(
      this.#files.map(async ({ path, descriptor, size }, i) => {
        const expected = this.#job.images[i]?.sha256?.toLowerCase();
        if (expected === undefined) return null;
        const task = { kind: 'checksum', descriptor, size, stop: this.#stopHashing } as const;
        const { sha256: actual } = await this.#readers.threads.checksum(task);
        if (actual !== null && actual !== expected) throw mismatch(path, expected, actual);
        return actual;
      }),
    );
    this.#busy.push(hashing);
    hashing.catch((error) => this.#stop.reject(error));
    return hashing;
  }

  async #verify(hashing: Promise<(string | null)[]>): Promise<void> {
    const sums = await this.#stop.or(hashing);
    for (const [i, file] of this.#files.entries()) {
      await this.#stop.or(file.assertUnchanged());
      // A network filesystem may give fewer bytes than it says: what could not be hashed was not verified.
      if (sums[i] === null && this.#job.images[i]?.sha256 != null) throw endedEarly(file);
    }
  }

  #progress(progress: ChildProgress): void {
    this.#stop.phase = progress.phase;
    this.#job.onProgress?.(progress);
  }

  /** The output ended without an outcome: says how the child ended. */
  async #crash(child: ReaderProcess): Promise<ReaderError> {
    const { code, signal } = await this.#stop.or(child.exited);
    if (/heap out of memory|Fatal process out of memory|Array buffer allocation failed/.test(child.stderr)) {
      return new ReaderError(
        'LIMIT_EXCEEDED',
        this.#stop.phase,
        ...memoryExceeded(this.#readers.memoryBytes, null),
      );
    }
    const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
    return this.#crashed(this.#stop.phase, `it ended with ${how} before an outcome`, child.stderr);
  }

  /** A crash for want of memory is that limit's error, however V8 and Node put it. */
  #crashed(phase: JobPhase, why: string, stderr = ''): ReaderError {
    if (outOfMemory.test(`${why} ${stderr}`)) {
      return new ReaderError('LIMIT_EXCEEDED', phase, ...memoryExceeded(this.#readers.memoryBytes, null));
    }
    const message = `the reader failed: ${why}`;
    return new ReaderError('READER_CRASHED', phase, message, { stderr: stderr.slice(-2000) });
  }
}

function endedEarly({ path, size }: OpenedFile): ReaderError {
  const message = `${path} ended before its ${size} bytes were read`;
  return new ReaderError('IMAGE_CHANGED', 'reading', message, { path, field: 'content' });
}

/** Errors that another content would not have; the rest says something about the run. */
function isAboutContent(outcome: Outcome): boolean {
  return outcome.kind === 'disk_error' && ['damage', 'unsupported'].includes(outcome.error.kind);
}

const outOfMemory =
  /heap out of memory|process out of memory|ERR_MEMORY_ALLOCATION_FAILED|Array buffer allocation failed|Failed to allocate memory/;

function mismatch(path: string, expected: string, actual: string): ReaderError {
  const message = `${path} has SHA-256 ${actual}, expected ${expected}`;
  return new ReaderError('IMAGE_CHECKSUM_MISMATCH', 'validation', message, { path, expected, actual });
}

/** A checksum could not match either, so it is the same error, known before anything is read. */
function wrongSize(path: string, expected: number, actual: number): ReaderError {
  const message = `${path} has ${actual} bytes, expected ${expected}`;
  const details = { path, expected_size_bytes: expected, actual_size_bytes: actual };
  return new ReaderError('IMAGE_CHECKSUM_MISMATCH', 'validation', message, details);
}
