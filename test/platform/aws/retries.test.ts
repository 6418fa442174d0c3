import { createHash, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { StorageError } from '../../../core/errors.ts';
import { submit } from '../../../core/use-cases/submit.ts';
import { wireDocument } from '../../core/support/samples.ts';
import { newRecord, unique } from '../conformance/subject.ts';
import { contextOn, jsonFault, provisioned, xmlFault } from './support.ts';

test('what is throttled for a while is done, with a pause between the attempts', async () => {
  const at = await provisioned();
  const platform = await at.platform();
  const record = newRecord();
  const counts = await at.endpoint.proxy.counted(async () => {
    at.endpoint.proxy.spoil('PutItem', jsonFault('ThrottlingException'), 2);
    expect(await platform.jobs.insert(record)).toEqual({ inserted: true });
  });
  expect(counts).toEqual({ PutItem: 3 });
  expect(await platform.jobs.get(record.job_id)).toEqual(record);
});

test('what is throttled without end is refused after four attempts', async () => {
  const at = await provisioned();
  const platform = await at.platform();
  const counts = await at.endpoint.proxy.counted(async () => {
    at.endpoint.proxy.spoil('PutItem', jsonFault('ProvisionedThroughputExceededException'), 100);
    await expect(platform.jobs.insert(newRecord())).rejects.toThrow(
      /throttles PutItem on table .*, tried 4 times/,
    );
  });
  expect(counts).toEqual({ PutItem: 4 });
});

test('a write whose reply was lost is no conflict: insert, replace, remove', async () => {
  const at = await provisioned();
  const { proxy } = at.endpoint;
  const { jobs } = await at.platform();
  const record = newRecord();
  proxy.spoil('PutItem', 'lose the reply');
  expect(await jobs.insert(record)).toEqual({ inserted: true });
  const next = { ...record, version: 2, worker_id: 'w' };
  proxy.spoil('PutItem', 'lose the reply');
  expect(await jobs.replace(next, 1)).toEqual({ replaced: true });
  expect(await jobs.get(record.job_id)).toEqual(next);
  // The same bytes by another writer are another write.
  expect(await jobs.replace(next, 1)).toEqual({ replaced: false, current: next });
  expect(await jobs.insert(record)).toEqual({ inserted: false, existing: next });
  proxy.spoil('DeleteItem', 'lose the reply');
  expect(await jobs.remove(record.job_id, 2)).toBe(true);
});

test('a call without an answer is cut off and made again', async () => {
  const at = await provisioned();
  const { jobs } = await at.platform();
  const record = newRecord();
  const counts = await at.endpoint.proxy.counted(async () => {
    at.endpoint.proxy.spoil('PutItem', 'never answer');
    expect(await jobs.insert(record)).toEqual({ inserted: true });
  });
  expect(counts).toEqual({ PutItem: 2 });
});

test('a submit that was applied and never answered may be repeated: one job, and it is due', async () => {
  const at = await provisioned();
  const platform = await at.platform();
  const context = contextOn(platform);
  const jobId = unique('job');
  const job = { ...wireDocument(), job_id: jobId };
  at.endpoint.proxy.spoil('PutItem', 'lose the reply', 4);
  // The fourth attempt's reply is lost too: nobody can know, and nothing is acknowledged.
  await expect(submit(context, job)).rejects.toBeInstanceOf(StorageError);
  expect(await submit(context, job)).toEqual({ job_id: jobId, created: false });
  const { items } = await platform.jobs.list({}, 10, null);
  expect(items.map((item) => JSON.parse(item).job_id)).toEqual([jobId]);
  const due = await platform.jobs.due(platform.jobs.now() + 60_000, 10);
  expect(due.map(({ job_id }) => job_id)).toEqual([jobId]);
});

test('a send that fails leaves the job to the sweeper', async () => {
  const at = await provisioned();
  const platform = await at.platform();
  const logged: { message: string }[] = [];
  const context = contextOn(platform, logged);
  await platform.workers.beat({
    worker_id: 'w',
    pool: 'default',
    version: '1.0.0',
    operations: ['test.echo'],
    features: ['disk_readers'],
    max_disk_size_gb: 1,
    privileged: false,
    labels: {},
    disk_formats: [],
    max_concurrent_jobs: 1,
    active_jobs: 0,
    started_at: 0,
    time_to_live_seconds: 60,
  });
  at.endpoint.proxy.spoil('SendMessage', jsonFault('AccessDenied', 403));
  const job = { ...wireDocument(), job_id: unique('job') };
  expect(await submit(context, job)).toMatchObject({ created: true });
  expect(logged.map(({ message }) => message)).toEqual(['could not announce a job; the sweeper will']);
  const due = await platform.jobs.due(platform.jobs.now() + 60_000, 10);
  expect(due.map(({ job_id }) => job_id)).toEqual([job.job_id]);
});

test('a large object goes up in parts; the lost reply to its last call is no failure', async () => {
  const at = await provisioned();
  const { objects } = await at.platform();
  const bytes = randomBytes(20 * 1024 * 1024);
  async function* pieces() {
    for (let n = 0; n < bytes.length; n += 1_000_003) yield bytes.subarray(n, n + 1_000_003);
  }
  at.endpoint.proxy.spoil('CompleteMultipartUpload', 'lose the reply');
  const counts = await at.endpoint.proxy.counted(async () => {
    expect(await objects.put('large', pieces(), { contentType: 'text/plain' })).toEqual({
      size: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    });
  });
  expect(counts).toMatchObject({ CreateMultipartUpload: 1, UploadPart: 3, CompleteMultipartUpload: 2 });
  const got = await objects.get('large');
  expect(got?.info).toMatchObject({ size: bytes.length, contentType: 'text/plain' });
  expect(got && Buffer.concat(await Array.fromAsync(got.body)).equals(bytes)).toBe(true);
});

test('a large object whose source breaks is abandoned', async () => {
  const at = await provisioned();
  const { objects } = await at.platform();
  async function* broken() {
    yield randomBytes(17 * 1024 * 1024);
    throw new Error('the source broke');
  }
  const counts = await at.endpoint.proxy.counted(async () => {
    await expect(objects.put('large', broken(), { contentType: 'text/plain' })).rejects.toThrow(
      'the source broke',
    );
  });
  expect(counts).toEqual({ CreateMultipartUpload: 1, UploadPart: 2, AbortMultipartUpload: 1 });
  expect(await objects.head('large')).toBeNull();
});

test('an object whose bytes break off is an error, and no shorter object', async () => {
  const at = await provisioned();
  const { objects } = await at.platform();
  await objects.put('cut', randomBytes(6_000_000), { contentType: 'text/plain' });
  at.endpoint.proxy.spoil('GetObject', 'cut the reply');
  const got = await objects.get('cut');
  if (got === null) throw new Error('the object is gone');
  await expect(Array.fromAsync(got.body)).rejects.toThrow(/broke off at byte \d+ of 6000000/);
});

test('a source whose bytes cannot be stored is let go of', async () => {
  const at = await provisioned();
  const { objects } = await at.platform();
  for (const operation of ['CreateMultipartUpload', 'UploadPart']) {
    let closed = false;
    async function* source() {
      try {
        for (let n = 0; n < 30; n++) yield Buffer.alloc(1024 * 1024);
      } finally {
        closed = true;
      }
    }
    at.endpoint.proxy.spoil(operation, xmlFault('AccessDenied', 403));
    await expect(objects.put('denied', source(), { contentType: 'text/plain' })).rejects.toThrow(
      new RegExp(`denies ${operation} on bucket`),
    );
    expect(closed).toBe(true);
  }
});
