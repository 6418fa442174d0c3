import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { JobView } from '../../core/job/view.ts';
import { scratch } from '../support/scratch.ts';
import {
  call,
  document,
  type Entry,
  over,
  Program,
  resultOf,
  type Settings,
  sha256,
  submit,
  until,
} from './support.ts';

const KILLS = 8;
/** A process that is killed while it starts lives this long at most. */
const START_MS = 500;
/** Any other is killed after this many further submits at most. */
const SUBMITS = 20;

/** The same moments again: CRASH_SEED=<the number that was printed>. */
const seed = Number(process.env.CRASH_SEED ?? Math.trunc(Math.random() * 2 ** 32));

/** mulberry32: a small generator with a seed, which Math.random is not. */
function randomFrom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Keeps one entry running, by starting it again each time it is killed. */
class Phoenix {
  readonly #entry: Entry;
  readonly #settings: Settings;
  #program: Program;

  constructor(entry: Entry, settings: Settings) {
    this.#entry = entry;
    this.#settings = settings;
    this.#program = this.#start();
  }

  ready(): Promise<string> {
    return this.#program.ready();
  }

  /**
   * Kills it again and again, a third of the times while it starts, else after a random number of submits, and
   * starts it again at once.
   */
  async suffer(submits: Submits, random: () => number): Promise<void> {
    for (let n = 0; n < KILLS; n++) {
      if (random() < 1 / 3) {
        await sleep(random() * START_MS);
      } else {
        await this.ready();
        await submits.more(Math.floor(random() * SUBMITS));
        await sleep(random() * 10);
      }
      expect(await this.#program.end('SIGKILL'), this.#program.stderr).toBe('SIGKILL');
      this.#program = this.#start();
    }
  }

  async stop(): Promise<void> {
    expect(await this.#program.end('SIGTERM'), this.#program.stderr).toBe(0);
  }

  #start(): Program {
    const program = new Program(process.execPath, [this.#entry], this.#settings);
    onTestFinished(async () => {
      await program.end('SIGKILL');
    });
    return program;
  }
}

/** Submits small jobs one after another until it is stopped. */
class Submits {
  /** The jobs that were acknowledged. */
  readonly acknowledged: string[] = [];
  /** How many submits a kill left without an answer. */
  unanswered = 0;
  #going = true;
  readonly #url: string;
  readonly #random: () => number;

  constructor(url: string, random: () => number) {
    this.#url = url;
    this.#random = random;
  }

  /** Resolves when so many more are acknowledged. */
  async more(count: number): Promise<void> {
    const wanted = this.acknowledged.length + count;
    while (this.#going && this.acknowledged.length < wanted) await sleep(1);
  }

  stop(): void {
    this.#going = false;
  }

  async run(): Promise<void> {
    for (let n = 0; this.#going; n++) {
      await this.#submit(`crash-job-${n}`);
      await sleep(5 + this.#random() * 20);
    }
  }

  async #submit(jobId: string): Promise<void> {
    const delay_ms = this.#random() < 0.5 ? 0 : Math.round(this.#random() * 300);
    const job = document(jobId, 'test.echo', { message: jobId, delay_ms });
    const reply = await submit(this.#url, job).catch((error: unknown) => {
      if (error instanceof TypeError) return null;
      throw error;
    });
    if (reply === null) this.unanswered++;
    // 503 is what it says while it starts; anything else would be a fault.
    else expect([201, 503]).toContain(reply.status);
    if (reply?.status === 201) this.acknowledged.push(jobId);
  }
}

/** The result that a job's record names: whole, its own, and at the same key whenever it is asked for. */
async function requireResult(url: string, jobId: string): Promise<string> {
  const { download } = await resultOf(url, jobId);
  const response = await fetch(download.url);
  const bytes = new Uint8Array(await response.arrayBuffer());
  expect([response.status, bytes.length, sha256(bytes)]).toEqual([200, download.size_bytes, download.sha256]);
  expect(JSON.parse(Buffer.from(bytes).toString())).toEqual({ version: '1.0', echo: { message: jobId } });
  return new URL(download.url).pathname;
}

type Listed = { data: { jobs: JobView[]; next_page_token?: string } };

/** Every job that the list gives as completed, page by page. */
async function completed(url: string): Promise<string[]> {
  const ids: string[] = [];
  for (let next: string | undefined = ''; next !== undefined; ) {
    const query: string = `status=Completed&limit=100${next === '' ? '' : `&page_token=${encodeURIComponent(next)}`}`;
    const { body }: { body: Listed } = await call(`${url}/api/v1/jobs?${query}`);
    ids.push(...body.data.jobs.map(({ job_id }) => job_id));
    next = body.data.next_page_token;
  }
  return ids;
}

test.for([
  { name: 'the one-process service', entries: ['local/main.ts'] },
  { name: 'gateway and worker, each on its own', entries: ['local/gateway.ts', 'worker/main.ts'] },
] as const)(
  'kill -9 at any moment of $name loses no acknowledged job',
  { timeout: 120_000 },
  async ({ entries }) => {
    console.log(`CRASH_SEED=${seed}`);
    const folder = await scratch();
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const settings = {
      DISKLANE_DATA_DIR: join(folder, 'data'),
      DISKLANE_IMAGE_ROOTS: join(folder, 'images'),
      DISKLANE_LEASE_SECONDS: '1',
      // More than there are kills: here no job may end by them.
      DISKLANE_MAX_CRASHES: '100',
      PORT: String(port),
    };
    const processes = entries.map((entry) => new Phoenix(entry, settings));
    await Promise.all(processes.map((process) => process.ready()));

    const submits = new Submits(url, randomFrom(seed));
    await Promise.all([
      submits.run(),
      Promise.all(processes.map((process, n) => process.suffer(submits, randomFrom(seed + n + 1)))).finally(
        () => submits.stop(),
      ),
    ]);
    await Promise.all(processes.map((process) => process.ready()));
    const { acknowledged } = submits;
    expect(acknowledged.length).toBeGreaterThan(KILLS);
    expect(submits.unanswered).toBeGreaterThan(0);

    const ended = await Promise.all(acknowledged.map((jobId) => until(url, jobId, over)));
    expect(ended.filter(({ status }) => status !== 'Completed')).toEqual([]);
    const keys = await Promise.all(acknowledged.map((jobId) => requireResult(url, jobId)));

    // After one more restart, an orderly one, everything is as it was: nothing ran twice to another end.
    for (const process of processes.reverse()) await process.stop();
    const again = new Phoenix(entries[0], settings);
    await again.ready();
    expect(await Promise.all(acknowledged.map((jobId) => until(url, jobId, over)))).toEqual(ended);
    expect(await Promise.all(acknowledged.map((jobId) => requireResult(url, jobId)))).toEqual(keys);
    expect(await completed(url)).toEqual(expect.arrayContaining(acknowledged));
  },
);

/**
 * A free port for a service that must come back where its clients know it: below those that Linux gives to
 * connections (32768 and up), of which one could take it while the service is down.
 */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const server = createServer().listen(port, '127.0.0.1');
    const free = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!free) continue;
    await new Promise((closed) => server.close(closed));
    return port;
  }
}
