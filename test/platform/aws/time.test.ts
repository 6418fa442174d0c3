import { expect, test, vi } from 'vitest';
import { newRecord, unique } from '../conformance/subject.ts';
import type { Provisioned } from './factory.ts';
import { provisioned } from './support.ts';

const DAY_MS = 86_400_000;

/** From now on the store's replies are of another time than this host's. */
function shift({ endpoint: { proxy } }: Provisioned, ms: number): void {
  proxy.fault = () => ({ date: new Date(Date.now() + ms) });
}

test.each([3_600_000, -3_600_000])(
  'a host whose clock is off by %i ms learns the time of the store',
  async (ms) => {
    const at = await provisioned();
    shift(at, ms);
    const { jobs, workers } = await at.platform();
    expect(Math.abs(jobs.now() - Date.now())).toBeLessThan(1000);
    await jobs.get('any');
    expect(Math.abs(jobs.now() - Date.now() - ms)).toBeLessThan(2000);
    // A worker that beats by the store's time is alive for a host of any clock.
    await workers.beat({
      worker_id: 'w',
      pool: 'default',
      version: '1.0.0',
      operations: [],
      features: [],
      max_disk_size_gb: 1,
      privileged: false,
      labels: {},
      disk_formats: [],
      max_concurrent_jobs: 1,
      active_jobs: 0,
      started_at: 0,
      time_to_live_seconds: 30,
    });
    expect(await workers.list()).toHaveLength(1);
    shift(at, 0);
    const right = await at.platform();
    await right.jobs.get('any');
    expect(Math.abs(right.jobs.now() - Date.now())).toBeLessThan(2000);
  },
);

test('a finished job whose time is over reads as absent, though it is still stored', async () => {
  const at = await provisioned();
  const { jobs, events } = await at.platform();
  const namespace = unique('ns');
  const finished = newRecord({ namespace, status: 'Completed', due_at: null });
  const waiting = newRecord({ namespace });
  await jobs.insert(finished);
  await jobs.insert(waiting);
  await events.append(finished.job_id, [{ at: 1, phase: 'p', percent: 1, message: 'm' }], 1);
  shift(at, 29 * DAY_MS);
  expect(await jobs.get(finished.job_id)).toEqual(finished);
  expect(await events.after(finished.job_id, null, 10)).toHaveLength(1);

  shift(at, 31 * DAY_MS);
  await jobs.get('learns the time');
  expect(await jobs.get(finished.job_id)).toBeNull();
  expect(await events.after(finished.job_id, null, 10)).toEqual([]);
  const { items } = await jobs.list({ namespace }, 10, null);
  expect(items.map((item) => JSON.parse(item).job_id)).toEqual([waiting.job_id]);
  expect(await jobs.replace({ ...finished, version: 2 }, 1)).toEqual({ replaced: false, current: null });
  expect(await jobs.remove(finished.job_id, 1)).toBe(false);
  expect(await jobs.get(waiting.job_id)).toEqual(waiting);
  // The id is free again.
  expect(await jobs.insert({ ...finished, status: 'Pending' })).toEqual({ inserted: true });
});

test('a list that finds only what is over ends after five pages, and goes on at its token', async () => {
  const at = await provisioned();
  const { jobs } = await at.platform();
  const namespace = unique('ns');
  const status = 'Completed';
  for (let n = 0; n < 12; n++)
    await jobs.insert(newRecord({ namespace, status, submitted_at: n, due_at: null }));
  shift(at, 31 * DAY_MS);
  await jobs.get('learns the time');
  let pages = 0;
  let token: string | null = null;
  do {
    const { Query = 0 } = await at.endpoint.proxy.counted(async () => {
      const page = await jobs.list({ namespace, status }, 1, token);
      expect(page.items).toEqual([]);
      token = page.next;
    });
    expect(Query).toBeLessThanOrEqual(5);
    pages += 1;
  } while (token !== null);
  expect(pages).toBe(2);
});

test('a presigned URL names its object and the headers of its reply, and ends as asked', async () => {
  const at = await provisioned();
  const { objects } = await at.platform({ publicEndpoint: 'https://files.example.com/s3' });
  const before = Date.now();
  const { url, expiresAt } = await objects.presignGet('results/job 1/ü.json', {
    expiresInSeconds: 60,
    filename: 'résult.json',
    contentType: 'application/json',
  });
  const { origin, pathname, searchParams } = new URL(url);
  expect(origin).toBe('https://files.example.com');
  expect(decodeURIComponent(pathname)).toBe(`/s3/${at.resources.bucket.name}/results/job 1/ü.json`);
  expect(searchParams.get('response-content-type')).toBe('application/json');
  expect(searchParams.get('response-content-disposition')).toBe(
    `attachment; filename="r_sult.json"; filename*=UTF-8''r%C3%A9sult.json`,
  );
  expect(searchParams.get('x-amz-checksum-mode')).toBeNull();
  expect(expiresAt).toBeGreaterThanOrEqual(before + 60_000);
  expect(expiresAt).toBeLessThan(before + 63_000);
});

test('a presigned URL of the bucket gives the bytes and their ranges', async () => {
  const at = await provisioned();
  const { objects } = await at.platform();
  await objects.put('a/b c', Buffer.from('0123456789'), { contentType: 'text/plain' });
  const options = { expiresInSeconds: 60, filename: 'f', contentType: 'text/plain' };
  const { url } = await objects.presignGet('a/b c', options);
  expect(await (await fetch(url)).text()).toBe('0123456789');
  const part = await fetch(url, { headers: { range: 'bytes=2-4' } });
  expect([part.status, await part.text()]).toEqual([206, '234']);
});

test('a presigned URL never outlasts the credentials that sign it, nor a quarter of an hour', async () => {
  const end = Math.floor(Date.now() / 1000) * 1000 + 400_000;
  const options = { expiresInSeconds: 900, filename: 'f', contentType: 'text/plain' };
  const at = await provisioned();
  const long = await (await at.platform()).objects.presignGet('a', options);
  expect(new URL(long.url).searchParams.get('X-Amz-Expires')).toBe('900');
  vi.stubEnv('AWS_CREDENTIAL_EXPIRATION', new Date(end).toISOString());
  try {
    const { objects } = await at.platform();
    const { url, expiresAt } = await objects.presignGet('a', options);
    expect(expiresAt).toBe(end);
    expect(Number(new URL(url).searchParams.get('X-Amz-Expires'))).toBeLessThanOrEqual(400);
  } finally {
    vi.unstubAllEnvs();
  }
});
