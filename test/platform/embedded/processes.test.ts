import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openEmbeddedPlatform } from '../../../platform/embedded/platform.ts';
import { scratch } from '../../support/scratch.ts';
import { newRecord } from '../conformance/subject.ts';
import { startChild } from './children/child.ts';

const COUNT = 150;

async function openShared() {
  const dataDir = join(await scratch(), 'data');
  return openEmbeddedPlatform({ dataDir, publicUrl: 'http://localhost' });
}

test('three processes share a directory: nothing is lost, nothing is given out twice', async () => {
  const platform = await openShared();
  await platform.jobs.insert(newRecord({ job_id: 'job-shared' }));
  const names = ['a', 'b', 'c'];
  const children = names.map((name) => startChild('share.ts', platform.dataDir, name, String(COUNT)));
  expect(await Promise.all(children.map((child) => child.ended()))).toEqual([0, 0, 0]);

  const sent = names.flatMap((name) => Array.from({ length: COUNT }, (_, n) => `shared-${name}-${n}`));
  const lines = children.flatMap((child) => child.lines);
  const received = lines.filter((line) => line.startsWith('received ')).map((line) => line.slice(9));
  expect(received.toSorted()).toEqual(sent.toSorted());
  for (const id of sent) expect(await platform.jobs.get(id)).toMatchObject({ job_id: id });
  const increments = names.length * COUNT;
  expect(await platform.jobs.get('job-shared')).toMatchObject({
    failures: increments,
    version: increments + 1,
  });
  expect(await platform.jobs.unfinished()).toBe(sent.length + 1);
  console.log(
    lines.filter((line) => line.startsWith('written')).map((line) => `${line} (ms, slowest insert)`),
  );
  await platform.close();
});

test('processes that start at once on a new directory agree on its schema and its key', async () => {
  const dataDir = join(await scratch(), 'data');
  const children = ['a', 'b', 'c', 'd'].map(() => startChild('presign.ts', dataDir));
  expect(await Promise.all(children.map((child) => child.ended()))).toEqual([0, 0, 0, 0]);
  expect(new Set(children.flatMap((child) => child.lines)).size).toBe(1);
});

test('a receive wakes for what another process sends', async () => {
  const platform = await openShared();
  const child = startChild('stamp.ts', platform.dataDir, '60');
  const delays: number[] = [];
  while (delays.length < 60) {
    const options = { max: 10, waitSeconds: 10, visibilitySeconds: 60 };
    const some = await platform.queue.receive({ pool: 'default', band: 'high' }, options);
    expect(some.length, 'a message within 10 s').toBeGreaterThan(0);
    const now = performance.timeOrigin + performance.now();
    for (const { message } of some) delays.push(now - Number(message.job_id));
  }
  const sorted = delays.toSorted((a, b) => a - b).map((delay) => delay.toFixed(1));
  console.log(
    `sent to received, across processes: p50 ${sorted[30]} ms, p90 ${sorted[54]} ms, most ${sorted[59]} ms`,
  );
  expect(await child.ended()).toBe(0);
  await platform.close();
});
