import { expect, test } from 'vitest';
import { StorageError } from '../../../core/errors.ts';
import { decide } from '../../../core/job/transitions.ts';
import { getResult } from '../../../core/use-cases/result.ts';
import { sweep } from '../../../core/use-cases/sweep.ts';
import { openRig, overriding, type Rig } from '../support/rig.ts';

/** Milliseconds after a heartbeat at which a lease may be taken over: its 30 s and 5 s of grace. */
const TAKEN_OVER = 35_000;

async function failureOf({ context }: Rig, jobId: string): Promise<unknown> {
  const { document } = await getResult(context, jobId, { inline: true });
  return JSON.parse(document ?? '');
}

test('a job whose worker vanished goes back after the grace, counted as a crash, with one message', async () => {
  const rig = await openRig();
  const { job_id } = await rig.submitted({ execution: { max_attempts: 1 } });
  await rig.messages();
  const job = await rig.claimed(await rig.stored(job_id));
  await job.start();
  const before = await rig.stored(job_id);
  rig.advance(TAKEN_OVER - 1);
  await sweep(rig.context);
  expect(await rig.stored(job_id)).toEqual(before);
  rig.advance(1);
  await sweep(rig.context);
  expect(await rig.stored(job_id)).toMatchObject({ status: 'Pending', crashes: 1, failures: 0, lease: null });
  expect(await rig.messages()).toHaveLength(1);
});

test('a heartbeat in time keeps the job with its worker', async () => {
  const rig = await openRig();
  const job = await rig.claimed(await rig.submitted());
  for (let beat = 0; beat < 5; beat++) {
    rig.advance(TAKEN_OVER - 1);
    await job.heartbeat(null);
    await sweep(rig.context);
  }
  expect((await rig.stored(job.record.job_id)).lease?.id).toBe(job.leaseId);
});

test('the last crash that is admitted fails the job WORKER_CRASHED with its result document', async () => {
  const rig = await openRig();
  const { job_id } = await rig.submitted();
  for (let crash = 1; crash <= 3; crash++) {
    await rig.claimed(await rig.stored(job_id), { worker_id: `worker-${crash}` });
    rig.advance(TAKEN_OVER);
    await sweep(rig.context);
  }
  expect(await rig.stored(job_id)).toMatchObject({ status: 'Failed', crashes: 3, failures: 0, claims: 3 });
  expect(await failureOf(rig, job_id)).toMatchObject({
    version: '1.0',
    error: {
      code: 'WORKER_CRASHED',
      phase: 'scheduling',
      details: { worker_id: 'worker-3', crashes: 3 },
    },
  });
});

test('a job that is unsafe to repeat fails at its first crash', async () => {
  const rig = await openRig();
  const record = await rig.submitted({ execution: { idempotent: false, max_attempts: 5 } });
  await rig.claimed(record);
  rig.advance(TAKEN_OVER);
  await sweep(rig.context);
  expect(await rig.stored(record.job_id)).toMatchObject({ status: 'Failed', crashes: 1 });
  expect(await failureOf(rig, record.job_id)).toMatchObject({
    error: { code: 'WORKER_CRASHED', recoverable: false },
  });
});

test.each(['Pending', 'Running'])('a job that is %s at its deadline fails then', async (status) => {
  const rig = await openRig();
  const deadline = new Date(rig.now() + 20_000).toISOString();
  const record = await rig.submitted({ execution: { deadline } });
  if (status === 'Running') await (await rig.claimed(record)).start();
  rig.advance(19_999);
  await sweep(rig.context);
  expect((await rig.stored(record.job_id)).status).toBe(status);
  rig.advance(1);
  await sweep(rig.context);
  expect((await rig.stored(record.job_id)).status).toBe('Failed');
  expect(await failureOf(rig, record.job_id)).toMatchObject({ error: { code: 'DEADLINE_EXCEEDED' } });
});

test('a deadline that passes while no live worker could run the job is a CAPABILITY_MISMATCH', async () => {
  const rig = await openRig();
  const deadline = new Date(rig.now() + 5000).toISOString();
  const record = await rig.submitted({ execution: { deadline }, constraints: { require_privileged: true } });
  rig.advance(5000);
  await sweep(rig.context);
  const failure = await failureOf(rig, record.job_id);
  expect(failure).toMatchObject({ error: { code: 'CAPABILITY_MISMATCH' } });
  expect(JSON.stringify(failure)).toContain('a privileged worker');
});

test('a job whose cancel was requested is Cancelled when its worker has vanished', async () => {
  const rig = await openRig();
  const record = await rig.submitted();
  const job = await rig.claimed(record);
  const decision = decide(job.record, { type: 'cancel', now: rig.now() });
  if (!decision.ok) throw new Error(decision.refusal);
  await rig.platform.jobs.replace(decision.record, job.record.version);
  rig.advance(TAKEN_OVER);
  await sweep(rig.context);
  expect(await rig.stored(record.job_id)).toMatchObject({ status: 'Cancelled', crashes: 0 });
});

test('a message that got lost is sent again, at intervals that double', async () => {
  const rig = await openRig();
  await rig.submitted();
  await rig.messages();
  const sentAt: number[] = [];
  for (let second = 10; second <= 1000; second += 10) {
    rig.advance(10_000);
    await sweep(rig.context);
    for (const _ of await rig.messages()) sentAt.push(second);
  }
  expect(sentAt).toEqual([30, 90, 210, 450, 930]);
});

test('a back-off that no queue can delay is over when it says so', async () => {
  const rig = await openRig();
  const record = await rig.submitted({ execution: { max_attempts: 100 } });
  await rig.messages();
  const late = { ...record, version: 2, failures: 11 };
  await rig.platform.jobs.replace(late, 1);
  const job = await rig.claimed(late);
  const failed = await job.fail({
    code: 'IMAGE_UNREADABLE',
    message: '',
    phase: 'reading',
    recoverable: true,
    details: {},
  });
  const wait = (failed.not_before ?? 0) - rig.now();
  expect(wait).toBeGreaterThan(900_000);
  rig.advance(wait - 1);
  await sweep(rig.context);
  expect(await rig.messages()).toEqual([]);
  rig.advance(1);
  await sweep(rig.context);
  expect(await rig.messages()).toHaveLength(1);
});

test('sweepers that run at once do each thing once', async () => {
  const rig = await openRig();
  const [lost, crashed] = [await rig.submitted(), await rig.submitted()];
  await rig.messages();
  await rig.claimed(crashed);
  rig.advance(TAKEN_OVER);
  await Promise.all([sweep(rig.context), sweep(rig.contextWith({})), sweep(rig.contextWith({}))]);
  expect((await rig.stored(crashed.job_id)).crashes).toBe(1);
  const told = (await rig.messages()).map(({ job_id }) => job_id);
  expect(told.sort()).toEqual([lost.job_id, crashed.job_id].sort());
});

test("one job's trouble does not keep the sweeper from the others, and is tried again", async () => {
  const rig = await openRig();
  const execution = { deadline: new Date(rig.now() + 1000).toISOString() };
  const [bad, good] = [await rig.submitted({ execution }), await rig.submitted({ execution })];
  rig.advance(1000);
  const { objects } = rig.platform;
  const failing = overriding(objects, {
    put: (key, body, options) =>
      key.includes(bad.job_id)
        ? Promise.reject(new StorageError('disk full'))
        : objects.put(key, body, options),
  });
  await sweep(rig.contextWith({ objects: failing }));
  expect((await rig.stored(good.job_id)).status).toBe('Failed');
  // Nothing is said about a job before its result document is there.
  expect(await rig.stored(bad.job_id)).toEqual(bad);
  expect(rig.logged).toMatchObject([{ level: 'warn', job_id: bad.job_id }]);
  await sweep(rig.context);
  expect((await rig.stored(bad.job_id)).status).toBe('Failed');
});
