import { expect, test } from 'vitest';
import type { JobQueue, PriorityBand } from '../../core/ports.ts';
import { poll } from '../../worker/poll.ts';
import { openRig, overriding, type Rig } from '../core/support/rig.ts';

const options = {
  max: 1,
  turn: 0,
  waitSeconds: 0,
  visibilitySeconds: 30,
  signal: new AbortController().signal,
};

async function send({ platform }: Rig, band: PriorityBand, ...names: string[]): Promise<void> {
  for (const name of names) {
    const message = { job_id: name, requires: requires };
    await platform.queue.send({ pool: 'default', band }, message, { delaySeconds: 0, group: 'g' });
  }
}

const requires = {
  operation: 'test.echo',
  features: [],
  pools: ['default'],
  worker_id: null,
  minimum_worker_version: null,
  maximum_disk_size_gb: null,
  privileged: false,
  affinity: {},
  anti_affinity: {},
};

async function names(queue: JobQueue, changes: Partial<typeof options> = {}): Promise<string[]> {
  const polled = await poll(queue, 'default', { ...options, ...changes });
  return polled.map(({ received }) => received.message.job_id);
}

test('takes high before normal before low, up to its maximum, each with the lane it came from', async () => {
  const rig = await openRig();
  await send(rig, 'low', 'l1', 'l2');
  await send(rig, 'normal', 'n1');
  await send(rig, 'high', 'h1', 'h2');
  const polled = await poll(rig.platform.queue, 'default', { ...options, max: 4 });
  expect(polled.map(({ lane, received }) => [lane.band, received.message.job_id])).toEqual([
    ['high', 'h1'],
    ['high', 'h2'],
    ['normal', 'n1'],
    ['low', 'l1'],
  ]);
  // What was not asked for stays for others.
  expect(await names(rig.platform.queue, { max: 4 })).toEqual(['l2']);
});

test('leaves no lane without its turn while high never empties', async () => {
  const rig = await openRig();
  const many = (letter: string) => Array.from({ length: 20 }, (_, n) => `${letter}${n}`);
  for (const band of ['high', 'normal', 'low'] as const) await send(rig, band, ...many(band.charAt(0)));
  const taken: string[] = [];
  for (let turn = 0; turn < 16; turn++) taken.push(...(await names(rig.platform.queue, { turn })));
  const count = (letter: string) => taken.filter((name) => name.startsWith(letter)).length;
  expect({ high: count('h'), normal: count('n'), low: count('l') }).toEqual({ high: 12, normal: 2, low: 2 });
});

test.each(['high', 'normal', 'low'] as const)('waits on all lanes and wakes on one in %s', async (band) => {
  const rig = await openRig();
  // Who does not wake waits past the test's own time-out.
  const waiting = names(rig.platform.queue, { waitSeconds: 120 });
  setTimeout(() => send(rig, band, 'woken'), 50);
  expect(await waiting).toEqual(['woken']);
});

test('releases at once what came in above its maximum', async () => {
  const rig = await openRig();
  const { queue } = rig.platform;
  // Every lane has a message the moment it is waited on.
  const sent = new Set<PriorityBand>();
  const sudden = overriding(queue, {
    async receive(lane, asked) {
      if (asked.waitSeconds > 0 && !sent.has(lane.band)) {
        sent.add(lane.band);
        await send(rig, lane.band, lane.band);
        return queue.receive(lane, { ...asked, waitSeconds: 0, signal: new AbortController().signal });
      }
      return queue.receive(lane, asked);
    },
  });
  expect(await names(sudden, { waitSeconds: 5 })).toEqual(['high']);
  expect((await names(queue, { max: 10 })).sort()).toEqual(['low', 'normal']);
});

test('keeps what it received when another lane fails, and fails when it has nothing', async () => {
  const rig = await openRig();
  const { queue } = rig.platform;
  const broken = overriding(queue, {
    receive: (lane, asked) =>
      lane.band === 'normal' ? Promise.reject(new Error('no lane')) : queue.receive(lane, asked),
  });
  await send(rig, 'high', 'h1');
  expect(await names(broken, { max: 3 })).toEqual(['h1']);
  await expect(names(broken, { max: 3 })).rejects.toThrow('no lane');
});

test('ends with nothing when it is stopped while it waits', async () => {
  const rig = await openRig();
  const stopping = new AbortController();
  const waiting = names(rig.platform.queue, { waitSeconds: 120, signal: stopping.signal });
  setTimeout(() => stopping.abort(), 30);
  expect(await waiting).toEqual([]);
  await send(rig, 'high', 'h1');
  expect(await names(rig.platform.queue)).toEqual(['h1']);
});
