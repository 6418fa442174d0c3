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
  urlOf,
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
      await sleep(this.#random() * 10);
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

test.for([
  { name: 'the one-process service', entries: ['local/main.ts'] },
  { name: 'gateway and worker, each on its own', entries: ['local/gateway.ts', 'worker/main.ts'] },
] as const)(
  'kill -9 at any moment of $name loses no acknowledged job',
  { timeout: 120_000 },
  async ({ entries }) => {
    console.log(`CRASH_SEED=${seed}`);
    const random = randomFrom(seed);
    const folder = await scratch();
    const settings = {
      DISKLANE_DATA_DIR: join(folder, 'data'),
      DISKLANE_IMAGE_ROOTS: join(folder, 'images'),
      DISKLANE_LEASE_SECONDS: '1',
      // More than there are kills: here no job may end by them.
      DISKLANE_MAX_CRASHES: '100',
    };
    const [first, ...others] = entries;
    const url = await freePort(first, settings);
    const processes = [first, ...others].map(
      (entry) => new Phoenix(entry, { ...settings, PORT: new URL(url).port }),
    );
    await Promise.all(processes.map((process) => process.ready()));

    const submits = new Submits(url, random);
    await Promise.all([
      submits.run(),
      Promise.all(processes.map((process) => process.suffer(submits, random))).finally(() => submits.stop()),
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
    const again = new Phoenix(first, { ...settings, PORT: new URL(url).port });
    await again.ready();
    expect(await Promise.all(acknowledged.map((jobId) => until(url, jobId, over)))).toEqual(ended);
    expect(await Promise.all(acknowledged.map((jobId) => requireResult(url, jobId)))).toEqual(keys);
    const { body } = await call<{ data: { jobs: JobView[] } }>(
      `${url}/api/v1/jobs?limit=1000&status=Completed`,
    );
    expect(body.data.jobs.map(({ job_id }) => job_id)).toEqual(expect.arrayContaining(acknowledged));
  },
);

/** The URL of a port that was free just now, for a service that must come back where its clients know it. */
async function freePort(entry: Entry, settings: Settings): Promise<string> {
  const program = new Program(process.execPath, [entry], { ...settings, PORT: '0' });
  const url = urlOf(await program.ready());
  await program.end('SIGKILL');
  return url;
}
