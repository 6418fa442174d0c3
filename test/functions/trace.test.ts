import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { traceOf } from '../../functions/trace.ts';
import { openRig } from '../core/support/rig.ts';
import { wireDocument } from '../core/support/samples.ts';
import { document, over, repository, startApi, until } from '../local/support.ts';
import { client, post } from './client.ts';

const JOBS = '/api/v1/jobs';
const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
const span = '00f067aa0ba902b7';
const traceparent = `00-${trace}-${span}-01`;
const amazon = 'Root=1-67891233-abcdef012345678912345678;Parent=463ac35c9f6413ad;Sampled=1';

test.each([
  [{ traceparent }, { trace_id: trace, parent_span_id: span }],
  // A later version may append fields.
  [{ traceparent: `01-${trace}-${span}-01-more` }, { trace_id: trace, parent_span_id: span }],
  [
    { 'x-amzn-trace-id': amazon },
    { trace_id: '67891233abcdef012345678912345678', parent_span_id: '463ac35c9f6413ad' },
  ],
  [
    { 'x-amzn-trace-id': 'Self=1-1-2; Root=1-67891233-ABCDEF012345678912345678' },
    { trace_id: '67891233abcdef012345678912345678' },
  ],
  // The caller's own trace, not the one a gateway began.
  [
    { traceparent, 'x-amzn-trace-id': amazon },
    { trace_id: trace, parent_span_id: span },
  ],
  [{ traceparent: `ff-${trace}-${span}-01` }, undefined],
  [{ traceparent: `00-${'0'.repeat(32)}-${span}-01` }, undefined],
  [{ traceparent: `00-${trace.toUpperCase()}-${span}-01` }, undefined],
  [{ traceparent: `00-${trace}-${span}-01x` }, undefined],
  [{ 'x-amzn-trace-id': 'Root=1-67891233-abc' }, undefined],
  [{}, undefined],
])('%o is the trace %o', (headers, expected) => {
  const found = new Map<string, string>(Object.entries(headers));
  expect(traceOf((name) => found.get(name))).toEqual(expected);
});

test("a request's trace goes into the job and its message; sent again in another trace it is the same job", async () => {
  const { context, messages } = await openRig();
  const ask = client(context);
  const first = await ask(JOBS, { ...post(wireDocument()), headers: { traceparent } });
  expect(first.status).toBe(201);
  const again = await ask(JOBS, { ...post(wireDocument()), headers: { 'X-Amzn-Trace-Id': amazon } });
  expect(again.status).toBe(200);
  expect((await ask(JOBS, post(wireDocument()))).status).toBe(200);
  const { data } = await ask(`${JOBS}/sample-job-1?document=true`);
  expect(data.document).toMatchObject({ observability: { trace_id: trace, parent_span_id: span } });
  expect(await messages()).toEqual([expect.objectContaining({ trace_id: trace })]);
});

test("a document's own trace stays, and a job without one has none", async () => {
  const { context, messages } = await openRig();
  const ask = client(context);
  const observability = { trace_id: 'mine', correlation_id: 'order-7' };
  await ask(JOBS, { ...post(wireDocument({ observability })), headers: { traceparent } });
  const { data } = await ask(`${JOBS}/sample-job-1?document=true`);
  expect(data.document).toMatchObject({ observability });
  await ask(JOBS, post(wireDocument({ job_id: 'sample-job-2' })));
  const [own, none] = await messages();
  expect(own).toMatchObject({ trace_id: 'mine' });
  expect(none).not.toHaveProperty('trace_id');
});

test("the worker's log names the trace of a job, also of one with a large document", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'disklane-test-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const { program, url } = await startApi('local/main.ts', {
    DISKLANE_DATA_DIR: join(folder, 'data'),
    DISKLANE_IMAGE_ROOTS: repository,
    DISKLANE_LOG_LEVEL: 'info',
  });
  for (const [id, data] of Object.entries({
    'traced-small': {},
    'traced-large': { text: 'a'.repeat(9000) },
  })) {
    const response = await fetch(`${url}${JOBS}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', traceparent },
      body: JSON.stringify(document(id, 'system.echo', data)),
    });
    expect(response.status).toBe(201);
    await until(url, id, over);
    const line = new RegExp(`"message":"job completed","job_id":"${id}","trace_id":"${trace}"`);
    await expect.poll(() => program.stderr).toMatch(line);
  }
  await program.end('SIGTERM');
});
