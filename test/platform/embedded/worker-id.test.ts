import { expect, test } from 'vitest';
import { takeWorkerId } from '../../../platform/embedded/worker-id.ts';
import { scratch } from '../../support/scratch.ts';
import { startChild } from './children/child.ts';

test('workers of one directory get ids of their own, the lowest that is free', async () => {
  const dataDir = await scratch();
  const [first, second] = [await takeWorkerId(dataDir, 'host'), await takeWorkerId(dataDir, 'host')];
  expect([first.id, second.id]).toEqual(['host-1', 'host-2']);
  first.release();
  const third = await takeWorkerId(dataDir, 'host');
  expect(third.id).toBe('host-1');
  second.release();
  third.release();
});

test('processes that start at once get different ids', async () => {
  const dataDir = await scratch();
  const children = [1, 2, 3, 4].map(() => startChild('worker-id.ts', dataDir, 'host'));
  const ids = await Promise.all(children.map((child) => child.line()));
  expect(ids.toSorted()).toEqual(['host-1', 'host-2', 'host-3', 'host-4']);
});

test('an id is free as soon as its process was killed, and not before', async () => {
  const dataDir = await scratch();
  const first = startChild('worker-id.ts', dataDir, 'host');
  expect(await first.line()).toBe('host-1');
  const second = startChild('worker-id.ts', dataDir, 'host');
  expect(await second.line()).toBe('host-2');
  await first.kill();
  expect(await startChild('worker-id.ts', dataDir, 'host').line()).toBe('host-1');
  expect(await startChild('worker-id.ts', dataDir, 'host').line()).toBe('host-3');
});

test('a host name becomes a worker id that is allowed', async () => {
  const dataDir = await scratch();
  for (const [host, id] of [
    ['.hidden/../host name', '_hidden_.._host_name-1'],
    ['', 'worker-1'],
    ['h'.repeat(300), `${'h'.repeat(100)}-1`],
  ] as const) {
    const taken = await takeWorkerId(dataDir, host);
    expect(taken.id).toBe(id);
    taken.release();
  }
});
