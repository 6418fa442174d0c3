import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { StorageError } from '../../core/errors.ts';
import { decide } from '../../core/job/transitions.ts';
import { claim } from '../../core/use-cases/claim.ts';
import { getResult } from '../../core/use-cases/result.ts';
import { sweep } from '../../core/use-cases/sweep.ts';
import { OperationError, type OperationRunner, type Run } from '../../worker/operations/operation.ts';
import { runJob } from '../../worker/runner.ts';
import { offer, openRig, overriding, type Rig } from '../core/support/rig.ts';

const failure = (recoverable: boolean) =>
  new OperationError({
    code: 'IMAGE_UNREADABLE',
    message: 'the source broke off',
    phase: 'reading',
    recoverable,
    details: { at: 4096 },
  });

/** Goes on until it is told to stop, as a well-behaved operation does. */
const untilStopped: OperationRunner = ({ signal }) =>
  new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason));
  });

/** Submits a job, claims it and runs it by this operation; gives its record afterwards. */
async function ran(
  rig: Rig,
  operation: OperationRunner,
  {
    fields = {},
    context = rig.context,
    draining = new AbortController().signal,
    renewed = () => undefined,
  }: {
    fields?: Record<string, unknown>;
    context?: Rig['context'];
    draining?: AbortSignal;
    renewed?: () => void;
  } = {},
) {
  const record = await rig.submitted(fields);
  await rig.messages();
  const claimed = await claim(context, record, offer);
  if (claimed.outcome !== 'claimed') throw new Error('not claimed');
  await runJob(context, claimed, operation, { draining, renewed });
  return rig.stored(record.job_id);
}

async function cancel({ platform, stored, now }: Rig, jobId: string): Promise<void> {
  const record = await stored(jobId);
  const decision = decide(record, { type: 'cancel', now: now() });
  if (!decision.ok) throw new Error(decision.refusal);
  await platform.jobs.replace(decision.record, record.version);
}

test('completes a job with what its operation gave, after a start', async () => {
  const rig = await openRig();
  const seen: Run[] = [];
  const record = await ran(rig, async (run) => {
    seen.push(run);
    return { version: '1.0', n: 1 };
  });
  expect(record).toMatchObject({ status: 'Completed', started_at: rig.now() });
  expect(record.history.map(({ status }) => status)).toEqual(['Pending', 'Assigned', 'Running', 'Completed']);
  expect(seen[0]?.document).toEqual(record.document);
  const { document } = await getResult(rig.context, record.job_id, { inline: true });
  expect(document).toBe('{"version":"1.0","n":1}');
});

describe('a failure', () => {
  test("that is final ends the job with the operation's error", async () => {
    const rig = await openRig();
    const record = await ran(rig, () => Promise.reject(failure(false)), {
      fields: { execution: { max_attempts: 5 } },
    });
    expect(record).toMatchObject({ status: 'Failed', failures: 1, error: failure(false).error });
  });

  test('that is recoverable gives the job back until its attempts are used up', async () => {
    const rig = await openRig();
    const fields = { execution: { max_attempts: 2 } };
    const record = await ran(rig, () => Promise.reject(failure(true)), { fields });
    expect(record).toMatchObject({ status: 'Pending', failures: 1, not_before: rig.now() + 1500 });
    rig.advance(2000);
    const again = await claim(rig.context, record, offer);
    if (again.outcome !== 'claimed') throw new Error('not claimed');
    const draining = new AbortController().signal;
    await runJob(rig.context, again, () => Promise.reject(failure(true)), {
      draining,
      renewed: () => undefined,
    });
    expect(await rig.stored(record.job_id)).toMatchObject({ status: 'Failed', failures: 2 });
  });

  test('nobody foresaw says nothing of its inner text to the user, and all of it to the log', async () => {
    const rig = await openRig();
    const record = await ran(rig, () => Promise.reject(new TypeError('secret of undefined')));
    expect(record).toMatchObject({ status: 'Failed', error: { code: 'OPERATION_FAILED' } });
    expect(JSON.stringify(record)).not.toContain('secret');
    expect(rig.logged).toContainEqual(
      expect.objectContaining({ level: 'error', error: new TypeError('secret of undefined') }),
    );
  });

  test('of the result store is tried again', async () => {
    const rig = await openRig();
    const { objects } = rig.platform;
    let puts = 0;
    const context = rig.contextWith({
      objects: overriding(objects, {
        put: (...given) => {
          puts += 1;
          return puts === 1 ? Promise.reject(new StorageError('disk full')) : objects.put(...given);
        },
      }),
    });
    const fields = { execution: { max_attempts: 2 } };
    const record = await ran(rig, async () => ({}), { context, fields });
    expect(record).toMatchObject({ status: 'Pending', failures: 1, error: { code: 'STORAGE_ERROR' } });
  });
});

test('a job that runs longer than its time-out fails TIMEOUT, finally, and its operation is stopped', async () => {
  const rig = await openRig();
  const stopped = vi.fn();
  const fields = { execution: { timeout_seconds: 1, max_attempts: 5 } };
  const operation: OperationRunner = (run) => {
    run.signal.addEventListener('abort', stopped);
    return untilStopped(run);
  };
  const record = await ran(rig, operation, { fields });
  expect(record).toMatchObject({
    status: 'Failed',
    error: { code: 'TIMEOUT', recoverable: false, details: { timeout_seconds: 1 } },
  });
  expect(stopped).toHaveBeenCalledOnce();
});

test('what a stopped operation still returns is not published', async () => {
  const rig = await openRig();
  const fields = { execution: { timeout_seconds: 1 } };
  const stubborn: OperationRunner = async ({ signal }) => {
    while (!signal.aborted) await delay(20);
    return { version: '1.0' };
  };
  expect(await ran(rig, stubborn, { fields })).toMatchObject({
    status: 'Failed',
    error: { code: 'TIMEOUT' },
  });
});

test('a drain hands the job back with a message for the next worker, and uses no attempt', async () => {
  const rig = await openRig();
  const draining = new AbortController();
  setTimeout(() => draining.abort(), 50);
  const record = await ran(rig, untilStopped, { draining: draining.signal });
  expect(record).toMatchObject({ status: 'Pending', failures: 0, crashes: 0, lease: null });
  expect(await rig.messages()).toHaveLength(1);
});

test('a cancel that is requested while the job runs ends it Cancelled', async () => {
  const rig = await openRig({ settings: { leaseMs: 600 } });
  const record = await ran(rig, async (run) => {
    await delay(50);
    await cancel(rig, run.document.job_id);
    return untilStopped(run);
  });
  expect(record).toMatchObject({ status: 'Cancelled', result: null, lease: null });
});

test('a cancel that was requested between claim and start ends the job Cancelled', async () => {
  const rig = await openRig();
  const record = await rig.submitted();
  const claimed = await claim(rig.context, record, offer);
  if (claimed.outcome !== 'claimed') throw new Error('not claimed');
  await cancel(rig, record.job_id);
  const draining = new AbortController().signal;
  await runJob(rig.context, claimed, untilStopped, { draining, renewed: () => undefined });
  expect((await rig.stored(record.job_id)).status).toBe('Cancelled');
});

test('a lost lease stops the operation, and nothing more is written', async () => {
  const rig = await openRig({ settings: { leaseMs: 600 } });
  let taken = {};
  const record = await ran(rig, async (run) => {
    await delay(30);
    rig.advance(10_000);
    await sweep(rig.context);
    taken = await rig.stored(run.document.job_id);
    return untilStopped(run);
  });
  expect(record).toEqual(taken);
  expect(record).toMatchObject({ status: 'Pending', crashes: 1 });
});

test('the lease is renewed, and the renewal told, while the job runs and while its result is stored', async () => {
  const rig = await openRig({ settings: { leaseMs: 600 } });
  const { objects } = rig.platform;
  let [renewals, duringUpload] = [0, 0];
  const slow = overriding(objects, {
    async put(...given) {
      const before = renewals;
      await delay(700);
      duringUpload = renewals - before;
      return objects.put(...given);
    },
  });
  const operation: OperationRunner = async ({ progress }) => {
    await delay(450);
    progress({ percent: 50, phase: 'reading', message: 'half' });
    return {};
  };
  const renewed = () => {
    renewals += 1;
  };
  const record = await ran(rig, operation, { context: rig.contextWith({ objects: slow }), renewed });
  expect(record.status).toBe('Completed');
  expect(duringUpload).toBeGreaterThan(0);
  expect(renewals).toBeGreaterThan(duringUpload);
  expect(await rig.platform.events.after(record.job_id, null, 10)).toMatchObject([{ percent: 50 }]);
});

test('a store that falls silent does not keep the job, nor its place in the worker, for ever', async () => {
  const rig = await openRig({ settings: { leaseMs: 300 } });
  const { jobs } = rig.platform;
  let silent = false;
  const falling = overriding(jobs, {
    replace: (...given) => (silent ? new Promise(() => undefined) : jobs.replace(...given)),
  });
  const operation: OperationRunner = (run) => {
    silent = true;
    return untilStopped(run);
  };
  const record = await ran(rig, operation, { context: rig.contextWith({ jobs: falling }) });
  expect(record.lease).not.toBeNull();
});

test('never throws, even when no store answers any more', async () => {
  const rig = await openRig();
  const record = await rig.submitted();
  const replace = rig.platform.jobs.replace.bind(rig.platform.jobs);
  let down = false;
  const jobs = overriding(rig.platform.jobs, {
    replace: (...given) => (down ? Promise.reject(new StorageError('gone')) : replace(...given)),
  });
  const context = rig.contextWith({ jobs });
  const claimed = await claim(context, record, offer);
  if (claimed.outcome !== 'claimed') throw new Error('not claimed');
  down = true;
  const draining = new AbortController().signal;
  await runJob(context, claimed, async () => ({}), { draining, renewed: () => undefined });
  expect(rig.logged).toContainEqual(expect.objectContaining({ message: "a job's end could not be written" }));
  // Nothing was said of an end: the lease will run out, and the sweeper takes care.
  expect((await rig.stored(record.job_id)).status).toBe('Assigned');
});
