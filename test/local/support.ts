import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import type { JobView } from '../../core/job/view.ts';
import { samplePackages } from '../../local/demo/sample-packages.ts';

export const repository = join(import.meta.dirname, '../..');

export type Entry = 'local/main.ts' | 'local/gateway.ts' | 'local/demo/main.ts' | 'worker/main.ts';
export type Settings = Readonly<Record<string, string>>;

/** A program of ours, or one that speaks to it, as a child of the test. */
export class Program {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
  #stdout = '';
  #stderr = '';

  constructor(file: string, args: readonly string[], settings: Settings) {
    const { PATH = '', HOME = '/' } = process.env;
    this.child = spawn(file, [...args], {
      cwd: repository,
      // Not the whole environment: a setting of whoever runs the tests must not reach the service.
      env: { PATH, HOME, ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
    });
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.ended = new Promise((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('close', (code, signal) => resolve(code ?? signal));
    });
    this.ended.catch(() => {});
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get pid(): number {
    const { pid } = this.child;
    if (pid === undefined) throw new Error('the program did not start');
    return pid;
  }

  /** The first line on standard output; rejects with what it said when it ended before one. */
  async ready(): Promise<string> {
    while (!this.#stdout.includes('\n')) {
      const ended = await Promise.race([this.ended.then(() => true), sleep(2).then(() => false)]);
      if (ended && !this.#stdout.includes('\n')) {
        throw new Error(`ended before it was ready: ${await this.ended} ${this.#stderr}`);
      }
    }
    return this.#stdout.slice(0, this.#stdout.indexOf('\n'));
  }

  /** Sends a signal and waits for the end. */
  async end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null> {
    this.child.kill(signal);
    return this.ended;
  }
}

/** Starts a program that goes with the test at the latest. */
export function start(file: string, args: readonly string[], settings: Settings = {}): Program {
  const program = new Program(file, args, settings);
  onTestFinished(async () => {
    await program.end('SIGKILL');
  });
  return program;
}

/** Starts one of our entries on this Node; it goes with the test at the latest. */
export function startEntry(entry: Entry, settings: Settings): Program {
  return start(process.execPath, [entry], settings);
}

/** Starts an entry with an API on a free port, and gives its URL once it is ready. */
export async function startApi(
  entry: 'local/main.ts' | 'local/gateway.ts',
  settings: Settings,
): Promise<{ program: Program; url: string }> {
  const program = startEntry(entry, { PORT: '0', ...settings });
  return { program, url: urlOf(await program.ready()) };
}

/** The URL that a ready line names. */
export function urlOf(ready: string): string {
  const [url] = /https?:\/\/[^\s,]*[^\s,:]/.exec(ready) ?? [];
  if (url === undefined) throw new Error(`no URL in the ready line: ${ready}`);
  return url;
}

/** Processes below one, by number, with their command lines: its children, theirs, and so on. */
export async function descendants(pid: number): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  const waiting = [pid];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    // Each thread has its own list of children.
    for (const thread of await readdir(`/proc/${next}/task`).catch(() => [])) {
      const children = await readFile(`/proc/${next}/task/${thread}/children`, 'utf8').catch(() => '');
      for (const child of children.split(' ').filter(Boolean).map(Number)) {
        found.set(child, await commandOf(child));
        waiting.push(child);
      }
    }
  }
  return found;
}

/** Those of the processes that are still there, by command line: a number may have become another's. */
export async function stillThere(processes: ReadonlyMap<number, string>): Promise<string[]> {
  const alive: string[] = [];
  for (const [pid, command] of processes) {
    if (command !== '' && (await commandOf(pid)) === command) alive.push(command);
  }
  return alive;
}

async function commandOf(pid: number): Promise<string> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '');
  return command.replaceAll('\0', ' ').trim();
}

/** A v1.0 document as a client writes it. */
export function document(jobId: string, operation: string, data: object, more: object = {}): object {
  return {
    version: '1.0',
    job_id: jobId,
    kind: 'VMOperation',
    operation,
    created_at: '2026-01-30T10:00:00Z',
    payload: { type: `${operation}.v1`, data },
    ...more,
  };
}

/** A reply of the API: status, and the parsed body as whatever the test expects of it. */
export async function call<Body = unknown>(
  url: string,
  init?: RequestInit,
): Promise<{ status: number; body: Body }> {
  const response = await fetch(url, init);
  return { status: response.status, body: (await response.json()) as Body };
}

/** POST /api/v1/jobs */
export function submit(url: string, job: object): Promise<{ status: number; body: unknown }> {
  return call(`${url}/api/v1/jobs`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(job),
  });
}

/** GET /api/v1/jobs/{id} of a job that is there. */
export async function look(url: string, jobId: string): Promise<JobView> {
  const { status, body } = await call<{ data: JobView }>(`${url}/api/v1/jobs/${jobId}`);
  expect({ status, body }).toMatchObject({ status: 200 });
  return body.data;
}

/** Looks at a job until it has come as far as this. */
export async function until(
  url: string,
  jobId: string,
  reached: (job: JobView) => boolean,
): Promise<JobView> {
  for (;;) {
    const job = await look(url, jobId);
    if (reached(job)) return job;
    await sleep(10);
  }
}

export const over = ({ status }: JobView): boolean => ['Completed', 'Failed', 'Cancelled'].includes(status);

/** Submits a job that must be accepted, and gives it as it ended. */
export async function run(
  url: string,
  jobId: string,
  operation: string,
  data: object,
  more: object = {},
): Promise<JobView> {
  expect(await submit(url, document(jobId, operation, data, more))).toMatchObject({ status: 201 });
  return until(url, jobId, over);
}

export type Download = {
  readonly url: string;
  readonly expires_at: string;
  readonly size_bytes: number;
  readonly sha256: string;
  readonly content_type: string;
};

/** GET /api/v1/jobs/{id}/result of a job that has one. */
export async function resultOf<Data = unknown>(
  url: string,
  jobId: string,
): Promise<{ data: Data; download: Download }> {
  const { status, body } = await call<{ data: Data; download: Download }>(
    `${url}/api/v1/jobs/${jobId}/result`,
  );
  expect({ status, body }).toMatchObject({ status: 200, body: { success: true } });
  return body;
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The guest that the repository carries, and what the demo's data say of it. */
export const sample = {
  image: join(repository, 'disk/reader/sample.qcow2'),
  product: 'Debian GNU/Linux 12 (bookworm)',
  packages: samplePackages.length,
} as const;
