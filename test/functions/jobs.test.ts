import { describe, expect, test } from 'vitest';
import { StorageError } from '../../core/errors.ts';
import { decide } from '../../core/job/transitions.ts';
import { objectText, openRig, overriding, PUBLIC_URL, type Rig } from '../core/support/rig.ts';
import { sampleDocument, wireDocument } from '../core/support/samples.ts';
import { client, post, type Reply } from './client.ts';

const JOBS = '/api/v1/jobs';

/** Every page of a list, one after another. */
async function allPages(ask: (path: string) => Promise<Reply>, query: string): Promise<string[][]> {
  const pages: string[][] = [];
  let token: unknown = '';
  while (token !== undefined) {
    const { data } = await ask(`${JOBS}?${query}${token === '' ? '' : `&page_token=${token}`}`);
    pages.push(idsOf(data));
    token = data.next_page_token;
    expect(pages.length).toBeLessThan(20);
  }
  return pages;
}

function idsOf(data: Record<string, unknown>): string[] {
  const jobs = data.jobs as { job_id: string }[];
  expect(data.total).toBe(jobs.length);
  return jobs.map(({ job_id }) => job_id);
}

async function cancel({ platform, stored, now }: Rig, jobId: string): Promise<void> {
  const record = await stored(jobId);
  const decision = decide(record, { type: 'cancel', now: now() });
  if (!decision.ok) throw new Error(decision.refusal);
  await platform.jobs.replace(decision.record, record.version);
}

describe('POST /jobs', () => {
  test('answers 201 with Location, then 200 with the same body, then 409 for another document', async () => {
    const { context, messages } = await openRig();
    const ask = client(context);
    const body = {
      success: true,
      data: {
        job_id: 'sample-job-1',
        status: 'submitted',
        message: 'Job sample-job-1 submitted successfully',
      },
    };
    const first = await ask(JOBS, post(wireDocument()));
    expect({ status: first.status, json: first.json }).toEqual({ status: 201, json: body });
    expect(first.headers.get('Location')).toBe(`${JOBS}/sample-job-1`);
    const again = await ask(JOBS, post(wireDocument()));
    expect({ status: again.status, json: again.json }).toEqual({ status: 200, json: body });
    const other = await ask(JOBS, post(wireDocument({ execution: { priority: 9 } })));
    expect({ status: other.status, error: other.json.error }).toEqual({ status: 409, error: 'CONFLICT' });
    expect(other.json.details).toMatchObject({ field: 'job_id' });
    expect([...(await messages()), ...(await messages('high'))]).toHaveLength(1);
  });

  test('answers 429 with Retry-After when too many jobs are unfinished', async () => {
    const { context, submitted } = await openRig({ settings: { maxUnfinishedJobs: 1 } });
    await submitted();
    const { status, json, headers } = await client(context)(JOBS, post(wireDocument()));
    expect({ status, error: json.error }).toEqual({ status: 429, error: 'QUEUE_FULL' });
    expect(Number(headers.get('Retry-After'))).toBeGreaterThan(0);
  });

  test('answers 503, without inner text, when the job cannot be stored', async () => {
    const { contextWith, platform } = await openRig();
    const insert = () => Promise.reject(new StorageError('/secret/disklane.db: disk full'));
    const ask = client(contextWith({ jobs: overriding(platform.jobs, { insert }) }));
    const { status, json, headers } = await ask(JOBS, post(wireDocument()));
    expect({ status, error: json.error }).toEqual({ status: 503, error: 'UNAVAILABLE' });
    expect(headers.get('Retry-After')).not.toBeNull();
    expect(JSON.stringify(json)).not.toContain('secret');
  });
});

describe('GET /jobs/{id}', () => {
  test('shows every field of a job that has just begun, null where not known', async () => {
    const { context, submitted, now } = await openRig();
    const record = await submitted({
      metadata: { namespace: 'team-a', labels: { tier: 'web' } },
      execution: { max_attempts: 3, priority: 7 },
    });
    const { status, data } = await client(context)(`${JOBS}/${record.job_id}`);
    expect(status).toBe(200);
    expect(data).toEqual({
      job_id: record.job_id,
      status: 'Pending',
      submitted_at: new Date(now()).toISOString(),
      started_at: null,
      completed_at: null,
      error: null,
      operation: 'test.echo',
      namespace: 'team-a',
      labels: { tier: 'web' },
      attempt: 1,
      max_attempts: 3,
      priority: 7,
      worker_id: null,
      progress: null,
      error_details: null,
      cancel_requested: false,
      not_before: null,
      waiting_for: null,
    });
  });

  test('follows the job: progress, then a failure in words and in parts', async () => {
    const { context, submitted, claimed, advance, now } = await openRig();
    const record = await submitted();
    const ask = client(context);
    const job = await claimed(record);
    await job.start();
    const startedAt = new Date(now()).toISOString();
    advance(1500);
    await job.heartbeat({ percent: 40, phase: 'reading', message: 'half way' });
    expect((await ask(`${JOBS}/${record.job_id}`)).data).toMatchObject({
      status: 'Running',
      started_at: startedAt,
      completed_at: null,
      worker_id: 'worker-1',
      progress: { percent: 40, phase: 'reading', message: 'half way' },
    });
    await job.fail({
      code: 'IMAGE_CORRUPT',
      message: 'the header is damaged',
      phase: 'opening',
      recoverable: false,
      details: { layer: 'qcow2', offset: 8 },
    });
    expect((await ask(`${JOBS}/${record.job_id}`)).data).toMatchObject({
      status: 'Failed',
      completed_at: new Date(now()).toISOString(),
      error: 'the header is damaged',
      error_details: {
        code: 'IMAGE_CORRUPT',
        phase: 'opening',
        recoverable: false,
        details: { layer: 'qcow2', offset: 8 },
      },
    });
  });

  test('gives the accepted document when asked', async () => {
    const { context, submitted } = await openRig();
    const audit = { submitted_by: 'ann', authorization: { method: 'jwt', subject: 'ann' } };
    const fields = { audit, observability: { trace_id: 't1' }, metadata: { annotations: { note: 'n' } } };
    const { job_id } = await submitted(fields);
    const ask = client(context);
    expect((await ask(`${JOBS}/${job_id}?document=true`)).data.document).toEqual({
      ...sampleDocument(fields),
      job_id,
    });
    expect((await ask(`${JOBS}/${job_id}?document=false`)).data).not.toHaveProperty('document');
  });

  test('answers HEAD like GET, without a body', async () => {
    const { context, submitted } = await openRig();
    const { job_id } = await submitted();
    const { createApi } = await import('../../functions/api.ts');
    const response = await createApi(context).request(`${JOBS}/${job_id}`, { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('');
  });
});

describe('GET /jobs', () => {
  test('is empty before the first job', async () => {
    const { context } = await openRig();
    expect((await client(context)(JOBS)).data).toEqual({ jobs: [], total: 0 });
  });

  test('shows jobs newest first, each as its status shows it', async () => {
    const { context, submitted, advance } = await openRig();
    const ids: string[] = [];
    for (let n = 0; n < 3; n++) {
      ids.unshift((await submitted()).job_id);
      advance(10);
    }
    const ask = client(context);
    const { data } = await ask(JOBS);
    expect(idsOf(data)).toEqual(ids);
    expect((data.jobs as unknown[])[1]).toEqual((await ask(`${JOBS}/${ids[1]}`)).data);
  });

  test('gives every job once over its pages, and the last page has no token', async () => {
    const { context, submitted, advance } = await openRig();
    const ids: string[] = [];
    for (let n = 0; n < 7; n++) {
      ids.unshift((await submitted()).job_id);
      // Some share their millisecond.
      if (n % 3 === 0) advance(1);
    }
    const pages = await allPages(client(context), 'limit=3');
    expect(pages.map((page) => page.length)).toEqual([3, 3, 1]);
    expect(pages.flat().sort()).toEqual(ids.sort());
  });

  test('refuses a parameter that is there twice, rather than ignore one of them', async () => {
    const { context } = await openRig();
    const { status, json } = await client(context)(`${JOBS}?label=a:1&label=b:2`);
    expect(status).toBe(400);
    expect(json).toMatchObject({ error: 'VALIDATION_ERROR', details: { field: 'label' } });
  });

  test('refuses a token of another list', async () => {
    const { context, submitted } = await openRig();
    await submitted();
    await submitted();
    const ask = client(context);
    const token = (await ask(`${JOBS}?limit=1`)).data.next_page_token;
    const { status, json } = await ask(`${JOBS}?limit=1&status=Pending&page_token=${token}`);
    expect(status).toBe(400);
    expect(json.details).toMatchObject({ field: 'page_token' });
  });

  test('filters by status, operation, namespace, label and time, alone and together', async () => {
    const { context, submitted, claimed, advance, now } = await openRig();
    const at = () => encodeURIComponent(new Date(now()).toISOString());
    const echo = { operation: 'system.echo', payload: { type: 'system.echo.v1', data: {} } };
    const web = { labels: { tier: 'web', url: 'http://x:80/?a=b' } };
    const a = (await submitted({ metadata: { namespace: 'team-a', ...web } })).job_id;
    advance(1000);
    const middle = at();
    const b = (await submitted({ ...echo, metadata: web })).job_id;
    advance(1000);
    const later = at();
    const done = await submitted({ metadata: { labels: { tier: 'db' } } });
    await (await claimed(done)).complete({});
    const ask = client(context);
    const found = async (query: string) => idsOf((await ask(`${JOBS}?${query}`)).data);
    expect(await found('status=Completed')).toEqual([done.job_id]);
    expect(await found('status=Pending')).toEqual([b, a]);
    expect(await found('operation=system.echo')).toEqual([b]);
    expect(await found('operation=no.such')).toEqual([]);
    expect(await found('namespace=team-a')).toEqual([a]);
    expect(await found('label=tier:web')).toEqual([b, a]);
    expect(await found(`label=${encodeURIComponent('url:http://x:80/?a=b')}`)).toEqual([b, a]);
    expect(await found('label=tier:w')).toEqual([]);
    // From then on, and before then.
    expect(await found(`submitted_after=${middle}`)).toEqual([done.job_id, b]);
    expect(await found(`submitted_before=${middle}`)).toEqual([a]);
    expect(await found(`submitted_after=${middle}&submitted_before=${later}`)).toEqual([b]);
    expect(await found('label=tier:web&namespace=default&status=Pending')).toEqual([b]);
    expect(await found('label=tier:web&status=Completed')).toEqual([]);
  });
});

describe('GET /jobs/{id}/result', () => {
  test('of a completed job is the document and a URL to the same bytes', async () => {
    const { context, submitted, claimed, now, stored, platform } = await openRig();
    const { job_id } = await submitted();
    await (await claimed(await stored(job_id))).complete({ version: '1.0', text: 'é 💾' });
    const { status, json } = await client(context)(`${JOBS}/${job_id}/result`);
    expect(status).toBe(200);
    const { result } = await stored(job_id);
    expect(json).toEqual({
      success: true,
      data: { version: '1.0', text: 'é 💾' },
      download: {
        url: expect.stringContaining(`${PUBLIC_URL}/`),
        expires_at: new Date(now() + 900_000).toISOString(),
        size_bytes: Buffer.byteLength(await objectText(platform, result?.key ?? '')),
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        content_type: 'application/json',
      },
    });
  });

  test('with inline=false is the URL alone, and the object is not read', async () => {
    const { contextWith, platform, submitted, claimed } = await openRig();
    const record = await submitted();
    await (await claimed(record)).complete({ a: 1 });
    const get = () => Promise.reject(new Error('the object was read'));
    const ask = client(contextWith({ objects: overriding(platform.objects, { get }) }));
    const { status, json } = await ask(`${JOBS}/${record.job_id}/result?inline=false`);
    expect(status).toBe(200);
    expect(json).toMatchObject({ data: null, download: { size_bytes: 7 } });
  });

  test('is inline up to 4 MiB and null above', async () => {
    const { context, submitted, claimed } = await openRig();
    const ask = client(context);
    for (const [size, inline] of [
      [4 * 1024 * 1024, true],
      [4 * 1024 * 1024 + 1, false],
    ] as const) {
      const record = await submitted();
      await (await claimed(record)).complete({ a: 'x'.repeat(size - '{"a":""}'.length) });
      const { json } = await ask(`${JOBS}/${record.job_id}/result`);
      expect(json.download).toMatchObject({ size_bytes: size });
      expect(json.data !== null).toBe(inline);
    }
  });

  test('is not found while the job is not finished, and says how it stands', async () => {
    const { context, submitted, claimed } = await openRig();
    const record = await submitted();
    const ask = async () => (await client(context)(`${JOBS}/${record.job_id}/result`)).json;
    expect(await ask()).toMatchObject({ error: 'NOT_FOUND', details: { status: 'Pending' } });
    const job = await claimed(record);
    expect(await ask()).toMatchObject({ error: 'NOT_FOUND', details: { status: 'Assigned' } });
    await job.start();
    expect(await ask()).toMatchObject({ error: 'NOT_FOUND', details: { status: 'Running' } });
  });

  test("of a failed job is the failure's document", async () => {
    const { context, submitted, claimed } = await openRig();
    const record = await submitted();
    const error = {
      code: 'IMAGE_NOT_FOUND',
      message: 'no such file',
      phase: 'opening',
      recoverable: false,
      details: {},
    } as const;
    await (await claimed(record)).fail(error);
    const { status, data } = await client(context)(`${JOBS}/${record.job_id}/result`);
    expect({ status, data }).toEqual({ status: 200, data: { version: '1.0', error } });
  });

  test('of a cancelled job is a conflict', async () => {
    const rig = await openRig();
    const { job_id } = await rig.submitted();
    await cancel(rig, job_id);
    const { status, json } = await client(rig.context)(`${JOBS}/${job_id}/result`);
    expect({ status, error: json.error }).toEqual({ status: 409, error: 'CONFLICT' });
  });

  test('that has vanished from the store is unavailable', async () => {
    const { context, submitted, claimed, stored, platform } = await openRig();
    const record = await submitted();
    await (await claimed(record)).complete({});
    await platform.objects.delete((await stored(record.job_id)).result?.key ?? '');
    const { status, json } = await client(context)(`${JOBS}/${record.job_id}/result`);
    expect({ status, error: json.error }).toEqual({ status: 503, error: 'UNAVAILABLE' });
  });
});
