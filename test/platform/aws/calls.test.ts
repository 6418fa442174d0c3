import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Context } from '../../../core/context.ts';
import { claim } from '../../../core/use-cases/claim.ts';
import { getJob, listJobs } from '../../../core/use-cases/read.ts';
import { getResult } from '../../../core/use-cases/result.ts';
import { submit } from '../../../core/use-cases/submit.ts';
import { offer, worker } from '../../core/support/rig.ts';
import { wireDocument } from '../../core/support/samples.ts';
import { unique } from '../conformance/subject.ts';
import { openProvisioned, type Provisioned } from './factory.ts';
import { contextOn } from './support.ts';

// What each request and each job costs at AWS, which bills by the call.

const lane = { pool: 'default', band: 'normal' } as const;
let at: Provisioned;
let context: Context;
const counted = (action: () => Promise<unknown>) => at.endpoint.proxy.counted(action);
const submitted = async (changes: object = {}) => {
  const document = { ...wireDocument(), ...changes, job_id: unique('job') };
  await submit(context, document);
  return document.job_id;
};

beforeAll(async () => {
  at = await openProvisioned();
  // As in a process that runs: the count is read every 30 s, the workers every 5 s, the queues' names once.
  context = contextOn(await at.platform({}, { countMs: 30_000 }));
  await context.workers.beat(worker);
  await submitted();
  await listJobs(context, {}, 1, null);
  await context.jobs.due(0, 1);
});
afterAll(() => at.close());

test('submit: one write and one send', async () => {
  expect(await counted(() => submitted())).toEqual({ PutItem: 1, SendMessage: 1 });
});

test('submit above 8 KiB: one object more', async () => {
  const labels = Object.fromEntries(Array.from({ length: 32 }, (_, n) => [`label-${n}`, 'x'.repeat(250)]));
  const counts = await counted(() => submitted({ metadata: { annotations: labels, labels } }));
  expect(counts).toEqual({ PutItem: 1, SendMessage: 1, PutObject: 1 });
});

test('submit again: one refused write and, where the store does not tell, one read', async () => {
  const document = { ...wireDocument(), job_id: unique('job') };
  await submit(context, document);
  const { GetItem = 0, ...counts } = await counted(() => submit(context, document));
  expect(counts).toEqual({ PutItem: 1 });
  expect(GetItem).toBeLessThanOrEqual(1);
});

test('status: one read', async () => {
  const jobId = await submitted();
  expect(await counted(() => getJob(context, jobId, { document: true }))).toEqual({ GetItem: 1 });
});

test('list: one query with namespace and status, one per status with a namespace, else one per shard', async () => {
  const queries = async (filter: Parameters<typeof listJobs>[1]) =>
    (await counted(() => listJobs(context, filter, 100, null))).Query;
  expect(await queries({ namespace: 'default', status: 'Pending' })).toBe(1);
  expect(await queries({ namespace: 'default' })).toBe(6);
  expect(await queries({})).toBe(4);
  expect(await queries({ status: 'Pending', operation: 'test.echo' })).toBe(4);
});

test('a job on the worker: one read, three swaps, one object, one removal; its result: one read and one object', async () => {
  const jobId = await submitted();
  for (;;) {
    const [received] = await context.queue.receive(lane, { max: 1, waitSeconds: 5, visibilitySeconds: 60 });
    if (received === undefined) throw new Error('the message did not come');
    if (received.message.job_id !== jobId) {
      await context.queue.remove(lane, received.receipt);
      continue;
    }
    const counts = await counted(async () => {
      const claimed = await claim(context, received.message, offer);
      if (claimed.outcome !== 'claimed') throw new Error(claimed.outcome);
      await claimed.job.start();
      await claimed.job.complete({ version: '1.0' });
      await context.queue.remove(lane, received.receipt);
    });
    expect(counts).toEqual({ GetItem: 1, PutItem: 3, PutObject: 1, DeleteMessage: 1 });
    break;
  }
  expect(await counted(() => getResult(context, jobId, { inline: true }))).toEqual({
    GetItem: 1,
    GetObject: 1,
  });
  expect(await counted(() => getResult(context, jobId, { inline: false }))).toEqual({ GetItem: 1 });
});

test('a heartbeat: one swap, and one write of its event where it has progress', async () => {
  const jobId = await submitted();
  const record = await context.jobs.get(jobId);
  if (record === null) throw new Error('the job is gone');
  const claimed = await claim(context, { job_id: jobId, requires: record.requires }, offer);
  if (claimed.outcome !== 'claimed') throw new Error(claimed.outcome);
  await claimed.job.start();
  expect(await counted(() => claimed.job.heartbeat(null))).toEqual({ PutItem: 1 });
  const progress = { percent: 1, phase: 'read', message: 'm' };
  expect(await counted(() => claimed.job.heartbeat(progress))).toEqual({ PutItem: 2 });
});

test('a sweep: one query per shard, held or not, and one read for a hundred jobs', async () => {
  const counts = await counted(() => context.jobs.due(context.jobs.now() + 3_600_000, 100));
  expect(counts).toEqual({ Query: 8, BatchGetItem: 1 });
});
