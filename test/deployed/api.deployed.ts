import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import type { JobView } from '../../core/job/view.ts';
import type { InspectionResult } from '../../core/result/inspection.ts';
import {
  call,
  document,
  look,
  over,
  Program,
  resultOf,
  run,
  sample,
  sha256,
  submit,
  until,
} from '../local/support.ts';

const api = z.string().parse(process.env.DISKLANE_TEST_API);
const workerSettings = z
  .record(z.string(), z.string())
  .parse(JSON.parse(process.env.DISKLANE_TEST_WORKER ?? ''));

/** Ids of this run: a real account keeps the jobs of earlier ones. */
const mark = Date.now().toString(36);
const id = (name: string) => `deployed-${mark}-${name}`;
const namespace = `deployed-${mark}`;

let folder: string;
let worker: Program;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'disklane-test-'));
  await copyFile(sample.image, join(folder, 'sample.qcow2'));
  const aws = Object.entries(process.env).filter(([name]) => name.startsWith('AWS_'));
  worker = new Program(process.execPath, ['worker/main.ts'], {
    ...Object.fromEntries(aws.map(([name, value = '']) => [name, value])),
    ...workerSettings,
    DISKLANE_IMAGE_ROOTS: folder,
    DISKLANE_WORKER_ID: `worker-${mark}`,
    DISKLANE_LOG_LEVEL: 'info',
    // The deployed sweeper is the one that is tested.
    DISKLANE_SWEEP_SECONDS: '3600',
  });
  await worker.ready();
});

afterAll(async () => {
  expect(await worker.end('SIGTERM')).toBe(0);
  await rm(folder, { recursive: true });
});

/** A job that nobody runs, and that the scheduled sweeper must fail. */
const forgotten = id('forgotten');

test('a job that no worker can run waits', async () => {
  const job = document(
    forgotten,
    'system.echo',
    {},
    {
      routing: { worker_id: 'nobody-here' },
      execution: { deadline: new Date(Date.now() + 20_000).toISOString() },
    },
  );
  expect(await submit(api, job)).toMatchObject({ status: 201 });
  expect(await look(api, forgotten)).toMatchObject({ status: 'Pending', waiting_for: expect.any(String) });
});

test('the live worker is in the capabilities', async () => {
  const { status, body } = await call<{ data: { workers: { worker_id: string }[] } }>(
    `${api}/api/v1/capabilities`,
  );
  expect(status).toBe(200);
  expect(body.data).toMatchObject({
    operations: expect.arrayContaining(['guestkit.inspect']),
    disk_formats: expect.arrayContaining(['qcow2']),
  });
  expect(body.data.workers.map(({ worker_id }) => worker_id)).toContain(`worker-${mark}`);
});

test('a disk is inspected: submit, status, list, result, download', async () => {
  const jobId = id('inspect');
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  const job = document(
    jobId,
    'guestkit.inspect',
    { image: { path: join(folder, 'sample.qcow2'), format: 'qcow2' } },
    { metadata: { namespace } },
  );
  const post = (body: object) =>
    fetch(`${api}/api/v1/jobs`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', traceparent: `00-${trace}-00f067aa0ba902b7-01` },
      body: JSON.stringify(body),
    });
  const accepted = await post(job);
  expect(accepted.status).toBe(201);
  expect(accepted.headers.get('Location')).toBe(`/api/v1/jobs/${jobId}`);
  expect(accepted.headers.get('X-Request-Id')).toMatch(/^[\w-]{8,}$/);
  expect((await post(job)).status).toBe(200);
  expect((await post({ ...job, metadata: { namespace: 'other' } })).status).toBe(409);

  expect(await until(api, jobId, over)).toMatchObject({
    status: 'Completed',
    error: null,
    worker_id: `worker-${mark}`,
    attempt: 1,
  });
  const shown = await call(`${api}/api/v1/jobs/${jobId}?document=true`);
  expect(shown.body).toMatchObject({ data: { document: { observability: { trace_id: trace } } } });
  expect(worker.stderr).toMatch(new RegExp(`"job completed".*"job_id":"${jobId}".*"trace_id":"${trace}"`));

  // An index may lag behind its table.
  for (const filter of [`namespace=${namespace}&status=Completed`, `namespace=${namespace}`, 'limit=1000']) {
    await expect.poll(() => listed(filter), { timeout: 30_000 }).toContain(jobId);
  }
  expect(await listed(`namespace=${namespace}&status=Failed`)).not.toContain(jobId);

  const { data, download } = await resultOf<InspectionResult>(api, jobId);
  expect(data).toMatchObject({
    operating_system: { product_name: sample.product },
    packages: { count: sample.packages },
  });
  const fetched = await fetch(download.url);
  const bytes = new Uint8Array(await fetched.arrayBuffer());
  expect(fetched.status).toBe(200);
  expect(fetched.headers.get('Content-Disposition')).toContain(`${jobId}.json`);
  expect(bytes.length).toBe(download.size_bytes);
  expect(sha256(bytes)).toBe(download.sha256);
  expect(JSON.parse(Buffer.from(bytes).toString())).toEqual(data);
  const forged = download.url.replace(
    /(Signature=)(.)/,
    (_, name, digit) => name + (digit === '0' ? '1' : '0'),
  );
  expect(forged).not.toBe(download.url);
  expect((await fetch(forged)).status).toBe(403);
  expect((await fetch(download.url.replace('result.json', 'other.json'))).status).toBe(403);
});

async function listed(filter: string): Promise<string[]> {
  const { body } = await call<{ data: { jobs: JobView[] } }>(`${api}/api/v1/jobs?${filter}`);
  return body.data.jobs.map(({ job_id }) => job_id);
}

test('a document above 8 KiB is stored beside its record, and runs', async () => {
  const data = { text: 'ä'.repeat(20_000) };
  expect(await run(api, id('large'), 'system.echo', data)).toMatchObject({ status: 'Completed' });
  const shown = await call(`${api}/api/v1/jobs/${id('large')}?document=true`);
  expect(shown.body).toMatchObject({ data: { document: { payload: { data } } } });
  expect((await resultOf(api, id('large'))).data).toEqual({ version: '1.0', echo: data });
});

test('an image that is not there fails its job, and its result says so', async () => {
  const path = join(folder, 'sample.qcow2');
  const job = await run(api, id('absent'), 'guestkit.inspect', { image: { path: `${path}.absent` } });
  expect(job).toMatchObject({ status: 'Failed', error_details: { code: 'IMAGE_NOT_FOUND' } });
  const { data } = await resultOf(api, id('absent'));
  expect(data).toMatchObject({ version: '1.0', error: { code: 'IMAGE_NOT_FOUND' } });
});

test('health answers GET and HEAD', async () => {
  expect(await call(`${api}/api/v1/health`)).toMatchObject({ status: 200, body: { success: true } });
  const head = await fetch(`${api}/api/v1/health`, { method: 'HEAD' });
  expect(head.status).toBe(200);
  expect(await head.text()).toBe('');
});

test.each([
  ['GET', '/api/v1/jobs/nothing-here', 404, 'NOT_FOUND'],
  ['GET', '/api/v2', 404, 'NOT_FOUND'],
  ['GET', '/', 404, 'NOT_FOUND'],
  ['GET', '/api', 404, 'NOT_FOUND'],
  ['GET', '/api/v1/jobs/nothing-here/more/and/more', 404, 'NOT_FOUND'],
  ['GET', '/api/v1/jobs?limit=0', 400, 'VALIDATION_ERROR'],
  ['DELETE', '/api/v1/jobs', 405, 'METHOD_NOT_ALLOWED'],
  ['PUT', '/api/v1/jobs/nothing-here', 405, 'METHOD_NOT_ALLOWED'],
  ['POST', '/api/v1/health', 405, 'METHOD_NOT_ALLOWED'],
  ['POST', '/api/v1/jobs', 415, 'UNSUPPORTED_MEDIA_TYPE'],
])('%s %s is %i in the envelope', async (method, path, status, code) => {
  const response = await fetch(`${api}${path}`, { method });
  expect(response.status).toBe(status);
  expect(await response.json()).toMatchObject({ error: code, message: expect.any(String) });
  expect(response.headers.get('X-Request-Id')).toMatch(/^[\w-]{8,}$/);
  if (status === 405) expect(response.headers.get('Allow')).toMatch(/GET|POST/);
});

test('bodies: not JSON, not ours, too large', async () => {
  const post = async (body: string) => {
    const headers = { 'Content-Type': 'application/json' };
    const reply = await call(`${api}/api/v1/jobs`, { method: 'POST', headers, body });
    return { status: reply.status, ...(reply.body as { error: string }) };
  };
  expect(await post('{')).toMatchObject({ status: 400, error: 'BAD_REQUEST' });
  expect(await post('{"version":"1.0"}')).toMatchObject({ status: 400, error: 'VALIDATION_ERROR' });
  expect(await post(`"${'a'.repeat(300 * 1024)}"`)).toMatchObject({
    status: 413,
    error: 'PAYLOAD_TOO_LARGE',
  });
});

test('the scheduled sweeper fails a job past its deadline', { timeout: 180_000 }, async () => {
  for (let job = await look(api, forgotten); ; job = await look(api, forgotten)) {
    if (over(job)) {
      expect(job).toMatchObject({ status: 'Failed', error_details: { code: 'CAPABILITY_MISMATCH' } });
      break;
    }
    await sleep(1000);
  }
  expect((await resultOf(api, forgotten)).data).toMatchObject({ error: { code: 'CAPABILITY_MISMATCH' } });
});
