import { describe, expect, test } from 'vitest';
import { createRecord } from '../../../core/job/create.ts';
import type { JobRecord } from '../../../core/job/record.ts';
import { claim } from '../../../core/use-cases/claim.ts';
import { offer, openRig, overriding, type Rig } from '../support/rig.ts';
import { sampleDocument } from '../support/samples.ts';

const messageOf = ({ job_id, requires }: JobRecord) => ({ job_id, requires });
const error = {
  code: 'IMAGE_UNREADABLE',
  message: 'I/O',
  phase: 'reading',
  recoverable: true,
  details: {},
} as const;

test('a claimed job is Assigned under a lease of the setting and has its document', async () => {
  const { context, submitted, stored, now } = await openRig({ settings: { leaseMs: 12_345 } });
  const record = await submitted();
  const outcome = await claim(context, messageOf(record), offer);
  expect(outcome).toMatchObject({ outcome: 'claimed', document: record.document });
  expect(await stored(record.job_id)).toMatchObject({
    status: 'Assigned',
    claims: 1,
    worker_id: 'worker-1',
    lease: { worker_id: 'worker-1', ends_at: now() + 12_345 },
  });
});

/** Jobs whose message is of no use now, and how they come to be. */
const useless: readonly (readonly [string, (rig: Rig) => Promise<JobRecord>])[] = [
  ['is unknown', async (rig) => ({ ...(await rig.submitted()), job_id: 'nobody-knows' })],
  [
    'is over',
    async (rig) => {
      const record = await rig.submitted();
      await (await rig.claimed(record)).complete({});
      return record;
    },
  ],
  [
    'is held by a live lease',
    async (rig) => {
      const record = await rig.submitted();
      await rig.claimed(record, { worker_id: 'worker-2' });
      return record;
    },
  ],
  [
    'is under a lease that ended but was not taken over',
    async (rig) => {
      const record = await rig.submitted();
      await rig.claimed(record, { worker_id: 'worker-2' });
      rig.advance(3_600_000);
      return record;
    },
  ],
  [
    'waits for its back-off to end',
    async (rig) => {
      const record = await rig.submitted({ execution: { max_attempts: 2 } });
      return (await rig.claimed(record)).fail(error);
    },
  ],
  [
    'has passed its deadline',
    async (rig) => {
      const deadline = new Date(rig.now() + 1000).toISOString();
      const record = await rig.submitted({ execution: { deadline } });
      rig.advance(1000);
      return record;
    },
  ],
  [
    'is held back until it is released',
    async (rig) => {
      const options = { now: rig.now(), requestId: 'r', fingerprint: 'f', documentKey: null, held: true };
      const record = createRecord(sampleDocument(), options);
      await rig.platform.jobs.insert(record);
      return record;
    },
  ],
];

describe('a message is removed and the job left as it is when the job', () => {
  test.each(useless)('%s', async (_why, make) => {
    const rig = await openRig();
    const record = await make(rig);
    const before = await rig.platform.jobs.get(record.job_id);
    expect(await claim(rig.context, messageOf(record), offer)).toEqual({ outcome: 'remove' });
    expect(await rig.platform.jobs.get(record.job_id)).toEqual(before);
  });
});

test('a worker that cannot run the job gives the message to others', async () => {
  const { context, submitted, stored } = await openRig();
  const record = await submitted();
  const outcome = await claim(context, messageOf(record), { ...offer, operations: ['system.echo'] });
  expect(outcome).toEqual({ outcome: 'release', lacking: 'operation test.echo' });
  expect(await stored(record.job_id)).toEqual(record);
});

test('what the record requires decides, whatever the message says', async () => {
  const { context, submitted, stored } = await openRig();
  const record = await submitted({ constraints: { require_privileged: true } });
  const lying = { job_id: record.job_id, requires: { ...record.requires, privileged: false } };
  expect(await claim(context, lying, offer)).toEqual({ outcome: 'release', lacking: 'a privileged worker' });
  expect(await stored(record.job_id)).toEqual(record);
});

test('of workers that race for one job exactly one wins', async () => {
  const { context, submitted, stored } = await openRig();
  for (let round = 0; round < 10; round++) {
    const record = await submitted();
    const outcomes = await Promise.all(
      ['a', 'b', 'c', 'd'].map((worker_id) => claim(context, messageOf(record), { ...offer, worker_id })),
    );
    const won = outcomes.filter((outcome) => outcome.outcome === 'claimed');
    expect(won).toHaveLength(1);
    const { lease, claims } = await stored(record.job_id);
    expect(won[0]?.job.leaseId).toBe(lease?.id);
    expect(claims).toBe(1);
  }
});

test('a claim that was stored though its reply was lost is held', async () => {
  const { platform, contextWith, submitted, stored } = await openRig();
  const { jobs } = platform;
  const record = await submitted();
  const repeating = overriding(jobs, {
    async replace(next, version) {
      await jobs.replace(next, version);
      return jobs.replace(next, version);
    },
  });
  const outcome = await claim(contextWith({ jobs: repeating }), messageOf(record), offer);
  expect(outcome.outcome).toBe('claimed');
  expect((await stored(record.job_id)).claims).toBe(1);
});

test('a job whose stored document is gone fails and says so, rather than wait for its lease to end', async () => {
  const { context, submitted, stored, platform } = await openRig();
  const record = await submitted({
    payload: { type: 'test.echo.v1', data: { message: 'x'.repeat(20_000) } },
  });
  await platform.objects.delete(record.document_key ?? '');
  expect(await claim(context, messageOf(record), offer)).toEqual({ outcome: 'remove' });
  expect(await stored(record.job_id)).toMatchObject({
    status: 'Failed',
    error: { code: 'STORAGE_ERROR' },
    crashes: 0,
  });
});
