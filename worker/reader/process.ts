import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { warmUpFrame } from '../../disk/reader/protocol.ts';
import { makePipes } from './fifos.ts';

/** Bytes of standard error kept, the last ones. */
const MAX_STDERR = 16 * 1024;

export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

/**
 * One reader child: Node running the script it gets on standard input, with no environment, no right to open
 * files, start processes or threads, or load addons, and no code made from strings. It waits for its start frame
 * on `replies`, and ends when that pipe closes: so a spare ends with the worker, however that ends.
 */
export class ReaderProcess {
  /** Our ends of its pipes, blocking; open until {@link closePipes}. */
  readonly requests: number;
  readonly replies: number;
  readonly output: Readable;
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  #stderr = Buffer.alloc(0);
  #alive = true;
  #open = true;

  private constructor(
    child: ChildProcess,
    pipes: { stdout: Readable; stderr: Readable; requests: number; replies: number },
  ) {
    this.#child = child;
    this.requests = pipes.requests;
    this.replies = pipes.replies;
    this.output = pipes.stdout;
    this.exited = new Promise((resolve) => {
      child.once('error', () => resolve({ code: null, signal: null }));
      child.once('exit', (code, signal) => resolve({ code, signal }));
    });
    this.exited.then(() => {
      this.#alive = false;
    });
    pipes.stderr.on('data', (chunk: Buffer) => {
      this.#stderr = Buffer.concat([this.#stderr, chunk]).subarray(-MAX_STDERR);
    });
  }

  /** Starts a child: `command` in front of node (isolation.ts), its script, and the bound of its heap. */
  static async start(command: readonly string[], script: string, heapBytes: number): Promise<ReaderProcess> {
    const [requests, replies] = await makePipes();
    const flags = [
      '--permission',
      '--disallow-code-generation-from-strings',
      `--max-old-space-size=${Math.ceil(heapBytes / 1024 ** 2)}`,
      '--input-type=commonjs',
      '-',
    ];
    const [file = process.execPath, ...args] = [...command, process.execPath, ...flags];
    try {
      const child = spawn(file, args, {
        cwd: '/',
        env: {},
        stdio: ['pipe', 'pipe', 'pipe', replies.read, requests.write],
      });
      const { stdin, stdout, stderr } = child;
      if (stdin === null || stdout === null || stderr === null) throw new Error('no pipes to the reader');
      // A child that dies before it has read its script shows by its exit.
      stdin.on('error', () => {});
      stdin.end(script);
      return new ReaderProcess(child, { stdout, stderr, requests: requests.read, replies: replies.write });
    } finally {
      // The child has its own copies. Ours would keep its end from ever being seen.
      closeSync(replies.read);
      closeSync(requests.write);
    }
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** The end of what it wrote on standard error. */
  get stderr(): string {
    return this.#stderr.toString('utf8');
  }

  /** Tells a spare to use its time. */
  warmUp(): void {
    if (!this.#open) return;
    try {
      writeSync(this.replies, warmUpFrame);
    } catch {
      // It has died, which shows when a job would take it.
    }
  }

  kill(): void {
    if (this.#alive) this.#child.kill('SIGKILL');
  }

  /** Closes our ends. Not before nobody reads them any more: a closed number is soon another file's. */
  closePipes(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.requests);
    closeSync(this.replies);
  }

  /** The most resident memory it has had, in bytes; 0 where it has gone. */
  async peakMemory(): Promise<number> {
    const status = await readFile(`/proc/${this.pid}/status`, 'latin1').catch(() => '');
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  }
}
