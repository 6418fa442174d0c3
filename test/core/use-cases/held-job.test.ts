import { describe, expect, test } from 'vitest';
import { StorageError } from '../../../core/errors.ts';
import type { JobError } from '../../../core/job/error.ts';
import type { JobRecord } from '../../../core/job/record.ts';
import { decide } from '../../../core/job/transitions.ts';
import { claim } from '../../../core/use-cases/claim.ts';
import { CancelRequestedError, type HeldJob, LeaseLostError } from '../../../core/use-cases/held-job.ts';
import { getResult } from '../../../core/use-cases/result.ts';
import { sweep } from '../../../core/use-cases/sweep.ts';
import { objectText, offer, openRig, overriding, type Rig } from '../support/rig.ts';

const failure: JobError = {
  code: 'IMAGE_UNREADABLE',
  message: 'the source broke off',
  phase: 'reading',
  recoverable: true,
  details: { at: 4096 },
};
const progress = (percent: number) => ({ percent, phase: 'reading', message: `${percent} done` });

/** A cancel request as another process stores it. */
async function requestCancel({ platform, stored, now }: Rig, jobId: string): Promise<void> {
  const record = await stored(jobId);
  const decision = decide(record, { type: 'cancel', now: now() });
  if (!decision.ok) throw new Error(decision.refusal);
  await platform.jobs.replace(decision.record, record.version);
}

/** Lets the lease run out and the sweeper take it. */
async function loseLease({ context, advance }: Rig): Promise<void> {
  advance(35_000);
  await sweep(context);
}

async function resultKeys({ platform }: Rig, jobId: string): Promise<string[]> {
  const { items } = await platform.objects.list(`results/${jobId}/`, 100, null);
  return items.map(({ key }) => key);
}

test('a job runs to its end: lease extended, progress kept and logged, one result named', async () => {
  const rig = await openRig();
  const { submitted, claimed, stored, advance, now, platform } = rig;
  const { job_id } = await submitted();
  const job = await claimed(await stored(job_id));
  await job.start();
  const startedAt = now();
  advance(20_000);
  await job.heartbeat(progress(50));
  expect(await stored(job_id)).toMatchObject({
    status: 'Running',
    started_at: startedAt,
    progress: progress(50),
    lease: { ends_at: now() + 30_000 },
  });
  await job.heartbeat(null);
  expect((await stored(job_id)).progress).toEqual(progress(50));
  expect(await platform.events.after(job_id, null, 10)).toMatchObject([{ at: now(), ...progress(50) }]);
  await job.complete({ answer: 42 });
  const record = await stored(job_id);
  expect(record).toMatchObject({ status: 'Completed', completed_at: now(), lease: null, error: null });
  expect(await resultKeys(rig, job_id)).toEqual([record.result?.key]);
  expect(record.result?.key).toBe(`results/${job_id}/1-${job.leaseId}/result.json`);
  expect(await objectText(platform, record.result?.key ?? '')).toBe('{"answer":42}');
});

describe('a worker whose lease was taken over', () => {
  const attempts: readonly (readonly [string, (job: HeldJob) => Promise<unknown>])[] = [
    ['start', (job) => job.start()],
    ['heartbeat', (job) => job.heartbeat(progress(1))],
    ['complete', (job) => job.complete({ from: 'the first' })],
    ['fail', (job) => job.fail({ ...failure, recoverable: false })],
    ['hand back', (job) => job.handBack('drain')],
    ['stop', (job) => job.stop()],
  ];

  test.each(attempts)('cannot %s, and changes nothing', async (_name, attempt) => {
    const rig = await openRig();
    const record = await rig.submitted();
    const first = await rig.claimed(record);
    await loseLease(rig);
    const second = await rig.claimed(await rig.stored(record.job_id), { worker_id: 'worker-2' });
    const before = await rig.stored(record.job_id);
    await expect(attempt(first)).rejects.toThrow(LeaseLostError);
    expect(await rig.stored(record.job_id)).toEqual(before);
    await second.start();
    await second.complete({ from: 'the second' });
    const { document } = await getResult(rig.context, record.job_id, { inline: true });
    expect(document).toBe('{"from":"the second"}');
  });

  test('cannot publish after the other has completed either', async () => {
    const rig = await openRig();
    const record = await rig.submitted();
    const first = await rig.claimed(record);
    await loseLease(rig);
    await (await rig.claimed(await rig.stored(record.job_id))).complete({ from: 'the second' });
    await expect(first.complete({ from: 'the first' })).rejects.toThrow(LeaseLostError);
    const { document } = await getResult(rig.context, record.job_id, { inline: true });
    expect(document).toBe('{"from":"the second"}');
  });
});

describe('a requested cancel', () => {
  test('is seen at the next heartbeat, which goes through, and then ends the job', async () => {
    const rig = await openRig();
    const record = await rig.submitted();
    const job = await rig.claimed(record);
    await job.start();
    await requestCancel(rig, record.job_id);
    expect(job.record.cancel_requested).toBe(false);
    await job.heartbeat(null);
    expect(job.record.cancel_requested).toBe(true);
    await job.stop();
    expect(await rig.stored(record.job_id)).toMatchObject({ status: 'Cancelled', lease: null, result: null });
    expect(await resultKeys(rig, record.job_id)).toEqual([]);
  });

  test('keeps a claimed job from starting', async () => {
    const rig = await openRig();
    const record = await rig.submitted();
    const job = await rig.claimed(record);
    await requestCancel(rig, record.job_id);
    await expect(job.start()).rejects.toThrow(CancelRequestedError);
    await job.stop();
    expect((await rig.stored(record.job_id)).status).toBe('Cancelled');
  });

  test('does not undo what was completed before it was seen', async () => {
    const rig = await openRig();
    const record = await rig.submitted();
    const job = await rig.claimed(record);
    await requestCancel(rig, record.job_id);
    await job.complete({});
    expect((await rig.stored(record.job_id)).status).toBe('Completed');
  });

  test.each([
    ['handed back', (job: HeldJob) => job.handBack('drain')],
    ['failed with attempts left', (job: HeldJob) => job.fail(failure)],
  ])('ends a job that is %s Cancelled, and no message is sent', async (_what, end) => {
    const rig = await openRig();
    const record = await rig.submitted({ execution: { max_attempts: 3 } });
    await rig.messages();
    const job = await rig.claimed(record);
    await requestCancel(rig, record.job_id);
    await end(job);
    expect((await rig.stored(record.job_id)).status).toBe('Cancelled');
    expect(await rig.messages()).toEqual([]);
  });

  test('of nothing refuses a stop', async () => {
    const rig = await openRig();
    const job = await rig.claimed(await rig.submitted());
    await expect(job.stop()).rejects.toThrow(/cancel_not_requested/);
  });
});

/** A job held through a store that makes every swap and then, as after a lost reply, tries it again. */
async function heldThroughRepeats(rig: Rig, record: JobRecord): Promise<HeldJob> {
  const { jobs } = rig.platform;
  const repeating = overriding(jobs, {
    async replace(next, version) {
      await jobs.replace(next, version);
      return jobs.replace(next, version);
    },
  });
  const message = { job_id: record.job_id, requires: record.requires };
  const outcome = await claim(rig.contextWith({ jobs: repeating }), message, offer);
  if (outcome.outcome !== 'claimed') throw new Error('not claimed');
  return outcome.job;
}

describe('a swap that was stored though its reply was lost counts once:', () => {
  const steps: readonly (readonly [string, string, (job: HeldJob, rig: Rig) => Promise<unknown>])[] = [
    ['start', 'Running', (job) => job.start()],
    ['heartbeat', 'Assigned', (job) => job.heartbeat(progress(3))],
    ['complete', 'Completed', (job) => job.complete({})],
    ['final failure', 'Failed', (job) => job.fail({ ...failure, recoverable: false })],
    ['failure', 'Pending', (job) => job.fail(failure)],
    ['hand back', 'Pending', (job) => job.handBack('drain')],
  ];

  test.each(steps)('%s', async (_name, status, step) => {
    const rig = await openRig();
    const record = await rig.submitted({ execution: { max_attempts: 2 } });
    const job = await heldThroughRepeats(rig, record);
    const { version } = job.record;
    await step(job, rig);
    expect(await rig.stored(record.job_id)).toMatchObject({ status, version: version + 1 });
  });

  test('stop', async () => {
    const rig = await openRig();
    const record = await rig.submitted();
    const job = await heldThroughRepeats(rig, record);
    await requestCancel(rig, record.job_id);
    await job.heartbeat(null);
    const { version } = job.record;
    await job.stop();
    expect(await rig.stored(record.job_id)).toMatchObject({ status: 'Cancelled', version: version + 1 });
  });
});

test('a failure reported after a complete whose reply was lost leaves the result as it is', async () => {
  const rig = await openRig();
  const { jobs } = rig.platform;
  const record = await rig.submitted();
  let silent = false;
  const losing = overriding(jobs, {
    async replace(next, version) {
      const swap = await jobs.replace(next, version);
      if (silent) throw new StorageError('no reply');
      return swap;
    },
  });
  const outcome = await claim(rig.contextWith({ jobs: losing }), record, offer);
  if (outcome.outcome !== 'claimed') throw new Error('not claimed');
  silent = true;
  await expect(outcome.job.complete({ answer: 42 })).rejects.toThrow(StorageError);
  silent = false;
  await expect(outcome.job.fail({ ...failure, recoverable: false })).rejects.toThrow(LeaseLostError);
  const { document } = await getResult(rig.context, record.job_id, { inline: true });
  expect(document).toBe('{"answer":42}');
  expect((await rig.stored(record.job_id)).status).toBe('Completed');
});

test('writes that come at the same time go one after another', async () => {
  const rig = await openRig();
  const record = await rig.submitted();
  const job = await rig.claimed(record);
  await Promise.all([job.start(), job.heartbeat(progress(1)), job.heartbeat(progress(2)), job.complete({})]);
  const { version, status, progress: last } = await rig.stored(record.job_id);
  expect({ version, status, last }).toEqual({ version: 6, status: 'Completed', last: progress(2) });
});

test('a final failure has its whole error in the result document and a bounded one in the record', async () => {
  const rig = await openRig();
  const record = await rig.submitted();
  const job = await rig.claimed(record);
  const error = {
    ...failure,
    recoverable: false,
    message: 'x'.repeat(50_000),
    details: { all: 'y'.repeat(9000) },
  };
  await job.fail(error);
  const after = await rig.stored(record.job_id);
  expect(after).toMatchObject({ status: 'Failed', failures: 1, lease: null });
  expect(JSON.stringify(after).length).toBeLessThan(8192);
  const { document } = await getResult(rig.context, record.job_id, { inline: true });
  expect(JSON.parse(document ?? '')).toEqual({ version: '1.0', error });
});

test('a failure with attempts left goes back with a growing back-off, and its message comes at its end', async () => {
  const rig = await openRig();
  const record = await rig.submitted({ execution: { max_attempts: 3 } });
  await rig.messages();
  for (const wait of [1500, 3000]) {
    await (await rig.claimed(await rig.stored(record.job_id))).fail(failure);
    const after = await rig.stored(record.job_id);
    expect(after).toMatchObject({ status: 'Pending', not_before: rig.now() + wait, result: null });
    rig.advance(wait - 1);
    expect(await rig.messages()).toEqual([]);
    // A queue delays by whole seconds.
    rig.advance(1001);
    expect(await rig.messages()).toHaveLength(1);
  }
  await (await rig.claimed(await rig.stored(record.job_id))).fail(failure);
  expect(await rig.stored(record.job_id)).toMatchObject({ status: 'Failed', failures: 3, claims: 3 });
});

test('a job handed back is Pending again, with one message at once and no attempt used', async () => {
  const rig = await openRig();
  const record = await rig.submitted();
  await rig.messages();
  const job = await rig.claimed(record);
  await job.start();
  await job.handBack('the worker is stopping');
  expect(await rig.stored(record.job_id)).toMatchObject({
    status: 'Pending',
    lease: null,
    failures: 0,
    crashes: 0,
    started_at: null,
  });
  expect(await rig.messages()).toHaveLength(1);
});
