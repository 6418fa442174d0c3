import { readFile } from 'node:fs/promises';
import { bundleReader } from './bundle.ts';
import { removeLeftOvers } from './fifos.ts';
import { findIsolation, type Isolation } from './isolation.ts';
import { ReaderProcess } from './process.ts';
import { Threads } from './threads.ts';

export type ReadersOptions = {
  /** Absolute folders that images may lie in, or single images. */
  readonly roots: readonly string[];
  /** Resident memory a child may have, in bytes. It starts with about 45 MB. Default 256 MiB. */
  readonly memoryBytes?: number;
  /** The child's script. Default: the bundle of disk/. */
  readonly script?: string;
};

const DEFAULT_MEMORY = 256 * 1024 ** 2;

/**
 * How long a spare waits before it warms up, in milliseconds. Under load jobs come sooner, and the processor has
 * better to do; a job that comes into the warming waits 25 ms for it.
 */
const IDLE_MS = 250;

const sample = new URL('../../disk/reader/sample.qcow2', import.meta.url);

/**
 * What all inspections of a worker share: the child's script, how it is isolated, the threads that serve it, and
 * one spare child, started ahead so that a job does not wait for Node to start (some 40 ms). Any number of jobs
 * may run at once; the second of two that come together starts its child itself.
 */
export class Readers {
  readonly roots: readonly string[];
  readonly memoryBytes: number;
  readonly isolation: Isolation;
  readonly threads = new Threads();
  readonly #script: string;
  readonly #running = new Set<Promise<unknown>>();
  #spare: Promise<ReaderProcess> | null = null;
  #closed = false;

  private constructor(options: ReadersOptions, script: string, isolation: Isolation) {
    this.roots = options.roots;
    this.memoryBytes = options.memoryBytes ?? DEFAULT_MEMORY;
    this.isolation = isolation;
    this.#script = script;
  }

  /** Bundles, probes and starts the first spare; to be closed. */
  static async open(options: ReadersOptions): Promise<Readers> {
    const [script, isolation] = await Promise.all([
      options.script ?? ourScript(),
      findIsolation(process.execPath, options.memoryBytes ?? DEFAULT_MEMORY),
      removeLeftOvers(),
    ]);
    const readers = new Readers(options, script, isolation);
    readers.threads.warm();
    readers.warm();
    return readers;
  }

  /** The spare, or a child started now. The caller ends it. */
  async take(): Promise<ReaderProcess> {
    if (this.#closed) throw new Error('these readers are closed');
    const spare = this.#spare;
    this.#spare = null;
    const child = await spare?.catch(() => null);
    // One that was killed just now may not have been reaped yet: it has no memory any more.
    if (child?.alive && (await child.peakMemory()) > 0) return child;
    // Nobody else ends it, should it live after all, nor closes our ends of its pipes.
    child?.kill();
    child?.closePipes();
    return this.#start();
  }

  /** Starts the next spare where there is none: after a job, so as not to compete with it. */
  warm(): void {
    if (this.#closed || this.#spare !== null) return;
    const starting = this.#start();
    this.#spare = starting;
    starting.then(
      (child) => {
        const warmUp = () => this.#spare === starting && child.warmUp();
        setTimeout(warmUp, IDLE_MS).unref();
      },
      // A spare that cannot be started is nobody's error yet: the next job tries again and says why.
      () => {},
    );
  }

  /** Keeps close() waiting for something that goes on behind a finished job. */
  track(work: Promise<unknown>): void {
    const tracked = work.catch(() => {}).finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }

  /** Ends the spare and the threads, once the jobs that run have ended; the caller aborts those first. */
  async close(): Promise<void> {
    this.#closed = true;
    const spare = await this.#spare?.catch(() => null);
    this.#spare = null;
    if (spare) {
      spare.kill();
      spare.closePipes();
      await spare.exited;
    }
    await Promise.all(this.#running);
    await this.threads.close();
  }

  #start(): Promise<ReaderProcess> {
    return ReaderProcess.start(this.isolation.command, this.#script, this.memoryBytes / 2);
  }
}

/** The bundle, and the sample that it warms up with. */
async function ourScript(): Promise<string> {
  const [script, image] = await Promise.all([bundleReader(), readFile(sample, 'base64')]);
  return `const SAMPLE = '${image}';\n${script}`;
}
