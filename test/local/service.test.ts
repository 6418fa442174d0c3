import { stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scratch } from '../support/scratch.ts';
import {
  call,
  descendants,
  document,
  look,
  over,
  resultOf,
  run,
  type Settings,
  startApi,
  startEntry,
  stillThere,
  submit,
  until,
} from './support.ts';

/** The settings of everything on one new data directory. */
async function directory(): Promise<{ folder: string; settings: Settings }> {
  const folder = await scratch();
  return {
    folder,
    settings: { DISKLANE_DATA_DIR: join(folder, 'data'), DISKLANE_IMAGE_ROOTS: join(folder, 'images') },
  };
}

const host = hostname().replace(/[^A-Za-z0-9._-]/g, '_');

test('one process: a ready line, a job from submit to result, and nothing left after SIGTERM', async () => {
  const { folder, settings } = await directory();
  const { program, url } = await startApi('local/main.ts', { ...settings, DISKLANE_CONCURRENCY: '3' });
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(await program.ready()).toBe(
    `disklane ready on ${url}: worker ${host}-1, 3 jobs at a time, images in ${join(folder, 'images')}`,
  );
  expect(await call(`${url}/api/v1/health`)).toMatchObject({
    status: 200,
    body: { data: { status: 'healthy' } },
  });
  const job = await run(url, 'echo-one-process', 'system.echo', { message: 'test' });
  expect(job).toMatchObject({ status: 'Completed', worker_id: `${host}-1`, attempt: 1, error: null });
  expect((await resultOf(url, job.job_id)).data).toEqual({ version: '1.0', echo: { message: 'test' } });

  const children = await descendants(program.pid);
  expect([...children.values()], 'the spare reader').toContainEqual(expect.stringContaining('--permission'));
  expect(await program.end('SIGTERM')).toBe(0);
  expect(await stillThere(children)).toEqual([]);
  expect(program.stdout.trim().split('\n')).toHaveLength(1);
  expect(program.stderr).toBe('');
});

test('what it keeps is readable by its owner only', async () => {
  const { folder, settings } = await directory();
  await startApi('local/gateway.ts', settings);
  const mode = async (path: string) => ((await stat(join(folder, path))).mode & 0o777).toString(8);
  expect(await mode('data')).toBe('700');
  expect(await mode('data/signing-key')).toBe('600');
});

test('jobs, results and the signatures of URLs outlive a restart', async () => {
  const { settings } = await directory();
  const first = await startApi('local/main.ts', settings);
  const job = await run(first.url, 'echo-restart', 'system.echo', { n: 1 });
  const { download } = await resultOf(first.url, job.job_id);
  expect(await first.program.end('SIGINT')).toBe(0);

  const { url } = await startApi('local/main.ts', settings);
  expect(await look(url, job.job_id)).toEqual(job);
  const response = await fetch(download.url.replace(first.url, url));
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ version: '1.0', echo: { n: 1 } });
});

test('a gateway and two workers on one directory: both workers run what the gateway took', async () => {
  const { settings } = await directory();
  const one = { ...settings, DISKLANE_CONCURRENCY: '1' };
  const [{ program: gateway, url }, ...workers] = await Promise.all([
    startApi('local/gateway.ts', settings),
    ...[1, 2].map(async () => {
      const program = startEntry('worker/main.ts', one);
      return { program, ready: await program.ready() };
    }),
  ]);
  expect(await gateway.ready()).toBe(`disklane gateway ready on ${url}`);
  expect(workers.map(({ ready }) => ready).sort()).toEqual([
    `disklane worker ${host}-1 ready: 1 jobs at a time`,
    `disklane worker ${host}-2 ready: 1 jobs at a time`,
  ]);
  expect(await call(`${url}/api/v1/capabilities`)).toMatchObject({
    body: {
      data: {
        worker_id: 'fleet',
        max_concurrent_jobs: 2,
        operations: ['guestkit.inspect', 'system.echo', 'test.echo'],
      },
    },
  });

  const jobs = await Promise.all(
    [1, 2].map((n) => run(url, `echo-parallel-${n}`, 'test.echo', { message: String(n), delay_ms: 500 })),
  );
  expect(jobs.map(({ status }) => status)).toEqual(['Completed', 'Completed']);
  expect(jobs.map(({ worker_id }) => worker_id).sort()).toEqual([`${host}-1`, `${host}-2`]);

  const ended = await Promise.all(workers.map(({ program }) => program.end('SIGTERM')));
  expect(ended).toEqual([0, 0]);
  expect(await call(`${url}/api/v1/capabilities`), 'they took their names out').toMatchObject({
    body: { data: { workers: [], max_concurrent_jobs: 0 } },
  });
});

test('a worker told to stop finishes what it runs, takes nothing new, and leaves no process', async () => {
  const { settings } = await directory();
  const { url } = await startApi('local/gateway.ts', settings);
  const worker = startEntry('worker/main.ts', settings);
  await worker.ready();
  await submit(url, document('drain-running', 'test.echo', { message: 'done', delay_ms: 1000 }));
  await until(url, 'drain-running', ({ status }) => status === 'Running');
  const children = await descendants(worker.pid);
  expect(children.size).toBeGreaterThan(0);

  const stopped = worker.end('SIGTERM');
  await submit(url, document('drain-later', 'test.echo', {}));
  expect(await stopped).toBe(0);
  expect(await look(url, 'drain-running')).toMatchObject({ status: 'Completed', attempt: 1 });
  expect(await look(url, 'drain-later')).toMatchObject({ status: 'Pending' });
  expect(await stillThere(children)).toEqual([]);

  const next = startEntry('worker/main.ts', settings);
  expect(await next.ready(), 'the number is free again').toContain(`${host}-1 ready`);
  expect(await until(url, 'drain-later', over)).toMatchObject({ status: 'Completed', attempt: 1 });
});

test('with no time to drain it hands its job back at once, and another worker runs it', async () => {
  const { settings } = await directory();
  const { url } = await startApi('local/gateway.ts', settings);
  const first = startEntry('worker/main.ts', {
    ...settings,
    DISKLANE_WORKER_ID: 'first',
    DISKLANE_DRAIN_SECONDS: '0',
  });
  await first.ready();
  await submit(url, document('handed-back', 'test.echo', { message: 'moved', delay_ms: 2000 }));
  await until(url, 'handed-back', ({ status }) => status === 'Running');
  expect(await first.end('SIGTERM')).toBe(0);
  expect(await look(url, 'handed-back')).toMatchObject({ status: 'Pending' });

  await startEntry('worker/main.ts', { ...settings, DISKLANE_WORKER_ID: 'second' }).ready();
  const job = await until(url, 'handed-back', over);
  expect(job).toMatchObject({ status: 'Completed', worker_id: 'second', attempt: 1 });
  expect((await resultOf(url, 'handed-back')).data).toMatchObject({ echo: { message: 'moved' } });
});

test('the API answers while its own worker drains, and a second signal ends it at once', async () => {
  const { settings } = await directory();
  const { program, url } = await startApi('local/main.ts', settings);
  await submit(url, document('drain-patience', 'test.echo', { delay_ms: 60_000 }));
  await until(url, 'drain-patience', ({ status }) => status === 'Running');
  program.child.kill('SIGTERM');
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(await look(url, 'drain-patience')).toMatchObject({ status: 'Running' });
  expect(await program.end('SIGTERM')).toBe(1);
});

test('each setting that cannot be used is one clear line and exit code 1', async () => {
  const { folder, settings } = await directory();
  const { url } = await startApi('local/gateway.ts', settings);
  const taken = new URL(url).port;
  const file = join(folder, 'file');
  await writeFile(file, '');
  const wrong: [entry: Parameters<typeof startEntry>[0], settings: Settings, line: RegExp][] = [
    ['local/main.ts', { PORT: 'abc' }, /^disklane: PORT: must be a port number$/],
    ['local/main.ts', { PORT: '65536' }, /^disklane: PORT: must be a port number$/],
    [
      'local/main.ts',
      { PORT: taken },
      new RegExp(`^disklane: .*address already in use 127\\.0\\.0\\.1:${taken}$`),
    ],
    ['local/main.ts', { DISKLANE_CONCURENCY: '8' }, /^disklane: DISKLANE_CONCURENCY: no such setting$/],
    ['worker/main.ts', { DISKLANE_CONCURENCY: '8' }, /^disklane: DISKLANE_CONCURENCY: no such setting$/],
    [
      'worker/main.ts',
      { DISKLANE_LEASE_SECONDS: '0' },
      /^disklane: DISKLANE_LEASE_SECONDS: must be from 1 to 3600$/,
    ],
    [
      'local/gateway.ts',
      { DISKLANE_PUBLIC_URL: 'ftp://x' },
      /^disklane: DISKLANE_PUBLIC_URL: must be an http or https URL$/,
    ],
    [
      'local/gateway.ts',
      { DISKLANE_IMAGE_ROOTS: folder },
      /^disklane: the data directory \S+ lies inside the image root \S+$/,
    ],
    [
      'worker/main.ts',
      { DISKLANE_DATA_DIR: join(file, 'data') },
      /^disklane: the path \S+file\/data cannot be resolved: ENOTDIR.*$/,
    ],
    [
      'local/main.ts',
      { DISKLANE_DATA_DIR: '/proc/disklane' },
      /^disklane: the data directory \/proc\/disklane cannot be made: ENOENT.*$/,
    ],
  ];
  await Promise.all(
    wrong.map(async ([entry, change, line]) => {
      const program = startEntry(entry, { ...settings, PORT: '0', ...change });
      expect(await program.ended, JSON.stringify(change)).toBe(1);
      expect(program.stdout).toBe('');
      expect(program.stderr.trimEnd()).toMatch(line);
    }),
  );
});
