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
  /** A small guest disk that each spare inspects while it waits, so that its job finds compiled code. */
  readonly sample?: Uint8Array;
};

const DEFAULT_MEMORY = 256 * 1024 ** 2;

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
  readonly #spareScript: string;
  readonly #running = new Set<Promise<unknown>>();
  #spare: Promise<ReaderProcess> | null = null;
  #closed = false;

  private constructor(options: ReadersOptions, script: string, isolation: Isolation) {
    this.roots = options.roots;
    this.memoryBytes = options.memoryBytes ?? DEFAULT_MEMORY;
    this.isolation = isolation;
    this.#script = script;
    this.#spareScript = options.sample === undefined ? script : withSample(script, options.sample);
  }

  /** Bundles, probes and starts the first spare; to be closed. */
  static async open(options: ReadersOptions): Promise<Readers> {
    const [script, isolation] = await Promise.all([
      options.script ?? bundleReader(),
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
    return child?.alive ? child : this.#start(this.#script);
  }

  /** Starts the next spare where there is none: after a job, so as not to compete with it. */
  warm(): void {
    if (this.#closed || this.#spare !== null) return;
    this.#spare = this.#start(this.#spareScript);
    // A spare that cannot be started is nobody's error yet: the next job tries again and says why.
    this.#spare.catch(() => {});
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

  #start(script: string): Promise<ReaderProcess> {
    return ReaderProcess.start(this.isolation.command, script, this.memoryBytes / 2);
  }
}

function withSample(script: string, sample: Uint8Array): string {
  return `const SAMPLE = '${Buffer.from(sample).toString('base64')}';\n${script}`;
}
