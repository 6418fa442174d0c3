import { expect, test } from 'vitest';
import { ConflictError, QueueFullError, StorageError } from '../../../core/errors.ts';
import { getJob } from '../../../core/use-cases/read.ts';
import { submit } from '../../../core/use-cases/submit.ts';
import { sweep } from '../../../core/use-cases/sweep.ts';
import { objectText, openRig, overriding, worker } from '../support/rig.ts';
import { sampleDocument, wireDocument } from '../support/samples.ts';

/** A document of more than 8 KiB. */
const large = (letter: string) =>
  wireDocument({ payload: { type: 'test.echo.v1', data: { message: letter.repeat(20_000) } } });

test('a new job is recorded, and one message tells the workers what it requires', async () => {
  const { context, stored, messages } = await openRig();
  const answer = await submit(context, wireDocument());
  expect(answer).toEqual({ job_id: 'sample-job-1', created: true });
  const record = await stored('sample-job-1');
  expect(record).toMatchObject({ status: 'Pending', version: 1, waiting_for: null, claims: 0 });
  expect(record.document).toEqual(sampleDocument());
  expect(await messages()).toEqual([{ job_id: 'sample-job-1', requires: record.requires }]);
});

test.each([
  [10, 'high'],
  [8, 'high'],
  [7, 'normal'],
  [4, 'normal'],
  [3, 'low'],
  [1, 'low'],
] as const)('priority %i is queued in the %s lane', async (priority, band) => {
  const { submitted, messages } = await openRig();
  const { job_id } = await submitted({ execution: { priority } });
  expect((await messages(band)).map((message) => message.job_id)).toEqual([job_id]);
});

test('the same document again changes nothing and sends nothing, however it is spelled', async () => {
  const { context, stored, messages } = await openRig();
  await submit(context, wireDocument());
  const before = await stored('sample-job-1');
  const spelled = Object.fromEntries(Object.entries(wireDocument({ execution: { priority: 5 } })).reverse());
  expect(await submit(context, spelled)).toEqual({ job_id: 'sample-job-1', created: false });
  expect(await stored('sample-job-1')).toEqual(before);
  expect(await messages()).toHaveLength(1);
});

test('another document under a used job_id is a conflict and changes nothing', async () => {
  const { context, stored, messages, platform } = await openRig();
  await submit(context, large('a'));
  const before = await stored('sample-job-1');
  for (const other of [wireDocument(), large('b')]) {
    await expect(submit(context, other)).rejects.toThrow(ConflictError);
  }
  expect(await stored('sample-job-1')).toEqual(before);
  expect(await messages()).toHaveLength(1);
  const documents = await platform.objects.list('documents/', 10, null);
  expect(documents.items.map(({ key }) => key)).toEqual([before.document_key]);
});

test('of many submits of one document at once one creates the job, and one message is sent', async () => {
  const { context, messages } = await openRig();
  const answers = await Promise.all(Array.from({ length: 20 }, () => submit(context, wireDocument())));
  expect(answers.filter(({ created }) => created)).toHaveLength(1);
  expect(await messages()).toHaveLength(1);
});

test('a document above 8 KiB is stored as an object, so that the record stays small', async () => {
  const { context, stored, platform } = await openRig();
  await submit(context, large('a'));
  const record = await stored('sample-job-1');
  expect(record.document).toBeNull();
  expect(JSON.stringify(record).length).toBeLessThan(4096);
  expect(JSON.parse(await objectText(platform, record.document_key ?? ''))).toEqual(
    sampleDocument(large('a')),
  );
  const { document } = await getJob(context, 'sample-job-1', { document: true });
  expect(document).toEqual(sampleDocument(large('a')));
});

test('a job past its deadline fails at once, with a result document and without a message', async () => {
  const { submitted, messages, platform, now } = await openRig();
  const deadline = new Date(now() - 1).toISOString();
  const record = await submitted({ execution: { deadline } });
  expect(record).toMatchObject({
    status: 'Failed',
    error: { code: 'DEADLINE_EXCEEDED', phase: 'scheduling' },
  });
  expect(await messages()).toEqual([]);
  expect(JSON.parse(await objectText(platform, record.result?.key ?? ''))).toMatchObject({
    version: '1.0',
    error: { code: 'DEADLINE_EXCEEDED', recoverable: false },
  });
});

test('when the message cannot be sent the job is accepted all the same, and the sweeper sends it', async () => {
  const { platform, contextWith, context, stored, messages, advance } = await openRig();
  const failing = overriding(platform.queue, { send: () => Promise.reject(new StorageError('no queue')) });
  const answer = await submit(contextWith({ queue: failing }), wireDocument());
  expect(answer.created).toBe(true);
  advance(29_999);
  expect(await sweep(context)).toBe(0);
  advance(1);
  await sweep(context);
  expect(await messages()).toHaveLength(1);
  expect((await stored('sample-job-1')).sends).toBe(2);
});

test('when the job cannot be recorded the submit fails, and nothing is sent', async () => {
  const { platform, contextWith, messages } = await openRig();
  const failing = overriding(platform.jobs, { insert: () => Promise.reject(new StorageError('disk full')) });
  await expect(submit(contextWith({ jobs: failing }), wireDocument())).rejects.toThrow(StorageError);
  expect(await messages()).toEqual([]);
});

test('an insert that was stored though its reply was lost is no conflict', async () => {
  const { platform, contextWith, messages } = await openRig();
  const { jobs } = platform;
  const repeating = overriding(jobs, {
    async insert(record) {
      await jobs.insert(record);
      return jobs.insert(record);
    },
  });
  const answer = await submit(contextWith({ jobs: repeating }), wireDocument());
  expect(answer).toEqual({ job_id: 'sample-job-1', created: true });
  expect(await messages()).toHaveLength(1);
});

test('a job that no live worker can run waits, says what for, and is set free when one beats', async () => {
  const { context, stored, messages, platform, advance } = await openRig({ live: false });
  await submit(context, wireDocument());
  expect((await stored('sample-job-1')).waiting_for).toBe('a live worker');
  advance(1000);
  await sweep(context);
  expect(await messages()).toEqual([]);
  await platform.workers.beat({ ...worker, operations: ['system.echo'] });
  advance(1000);
  await sweep(context);
  expect((await stored('sample-job-1')).waiting_for).toBe('operation test.echo');
  await platform.workers.beat(worker);
  advance(1000);
  await sweep(context);
  expect((await stored('sample-job-1')).waiting_for).toBeNull();
  expect(await messages()).toHaveLength(1);
});

test('beyond the admitted number of unfinished jobs a submit is refused', async () => {
  const { context, submitted, claimed } = await openRig({ settings: { maxUnfinishedJobs: 2 } });
  const first = await submitted();
  await submitted();
  await expect(submit(context, wireDocument())).rejects.toThrow(QueueFullError);
  const job = await claimed(first);
  await job.start();
  await job.complete({});
  await expect(submit(context, wireDocument())).resolves.toMatchObject({ created: true });
});
