import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { bundleReader } from '../../../worker/reader/bundle.ts';
import { readImages } from '../../../worker/reader/run.ts';
import { request } from '../../support/inspect-request.ts';
import { alive, children, imageOf, jobOf, readerOf, readersOf, until } from './support.ts';

async function readers(body = 'return {};') {
  const { root, path } = await imageOf(randomBytes(10));
  return { path, readers: await readersOf({ roots: [root], script: await readerOf(body) }) };
}

test('one spare waits; each job takes it, ends it, and the next one is started', async () => {
  const { path, readers: pool } = await readers();
  const seen = new Set<number>();
  for (let i = 0; i < 3; i++) {
    await until(() => children().length === 1);
    const [pid = 0] = children();
    seen.add(pid);
    await readImages(pool, jobOf(path));
    expect(alive(pid)).toBe(false);
  }
  expect(seen.size).toBe(3);
  await pool.close();
  expect(children()).toEqual([]);
});

test('a spare that died is replaced without the job noticing', async () => {
  const { path, readers: pool } = await readers();
  await until(() => children().length === 1);
  const [pid = 0] = children();
  process.kill(pid, 'SIGKILL');
  await until(() => !alive(pid));
  expect((await readImages(pool, jobOf(path))).inspection).toEqual({});
});

test('spares that die leave no descriptor open', async () => {
  const { path, readers: pool } = await readers();
  const open = async () => (await readdir('/proc/self/fd')).length;
  const dieAndRead = async () => {
    await until(() => children().length === 1);
    const [pid = 0] = children();
    process.kill(pid, 'SIGKILL');
    await until(() => !alive(pid));
    await readImages(pool, jobOf(path));
    await until(() => children().length === 1);
  };
  await dieAndRead();
  const before = await open();
  for (let n = 0; n < 3; n++) await dieAndRead();
  expect(await open()).toBeLessThanOrEqual(before);
});

test('after close nothing is started any more', async () => {
  const { path, readers: pool } = await readers();
  await pool.close();
  await expect(readImages(pool, jobOf(path))).rejects.toMatchObject({
    code: 'READER_CRASHED',
    recoverable: true,
  });
  expect(children()).toEqual([]);
});

test('a spare that is left alone warms up once, then does its job and tells nothing of it', async () => {
  const { root, path } = await imageOf(randomBytes(10));
  const entry = join(root, 'child.ts');
  const reader = fileURLToPath(new URL('../../../disk/reader', import.meta.url));
  await writeFile(
    entry,
    `import { serve } from '${reader}/serve.ts';
     import { warm } from '${reader}/warm.ts';
     const sizes = [];
     const inspect = (request, [source], report) => {
       const bytes = new Uint8Array(source.size);
       source.readInto(bytes, 0);
       sizes.push(source.size);
       report({ phase: 'inspecting', percent: 1, message: '' });
       if (source.size === 3) throw new Error('not an image');
       return { sizes };
     };
     serve(inspect, () => warm(inspect, Uint8Array.of(1, 2, 3)));`,
  );
  const pool = await readersOf({ roots: [root], script: await bundleReader(entry) });
  const progress: unknown[] = [];
  const job = jobOf(path, { onProgress: (p) => progress.push(p) });
  await setTimeout(1000);
  const both = await Promise.all([readImages(pool, job), readImages(pool, jobOf(path))]);
  // One took the spare, the other a child that was started for it.
  const seen = both.map(({ inspection }) => JSON.stringify(inspection)).sort();
  expect(seen).toEqual(['{"sizes":[10]}', '{"sizes":[3,10]}']);
  expect(progress.length).toBe(1);
});

/** A process of its own that opens readers, starts a job if the script reports, and prints `ready`. */
async function parent(body: string): Promise<ChildProcess & { pid: number }> {
  const { root, path } = await imageOf(randomBytes(10));
  const folder = fileURLToPath(new URL('../../../worker/reader', import.meta.url));
  const main = join(root, 'main.mjs');
  await writeFile(join(root, 'script.cjs'), await readerOf(body));
  await writeFile(
    main,
    `import { readFileSync } from 'node:fs';
     import { Readers } from '${folder}/readers.ts';
     import { readImages } from '${folder}/run.ts';
     const readers = await Readers.open({ roots: ['${root}'], script: readFileSync('${root}/script.cjs', 'utf8') });
     const job = { images: [{ path: '${path}' }], request: ${JSON.stringify(request)}, timeMs: 60_000 };
     readImages(readers, { ...job, onProgress: () => console.log('ready') });
     setInterval(() => {}, 1000);`,
  );
  const child = spawn(process.execPath, [main], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const { pid } = child;
  if (pid === undefined) throw new Error('not started');
  return Object.assign(child, { pid });
}

const report = "report({ phase: 'reading', percent: 0, message: '' });";

test.for([
  ['that waits for bytes for ever', `${report} for (;;) sources[0].readInto(new Uint8Array(1), 0);`],
  ['in an endless loop', `${report} for (;;);`],
  ['that has ended its work', `${report} return {};`],
])('kill -9 of the worker ends its spare, and a child %s', async ([, body = '']) => {
  const worker = await parent(body);
  await until(() => children(worker.pid).length > 0);
  const pids = children(worker.pid);
  worker.kill('SIGKILL');
  await until(() => !pids.some(alive));
});
