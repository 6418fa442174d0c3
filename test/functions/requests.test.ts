import { describe, expect, test } from 'vitest';
import { openRig, overriding } from '../core/support/rig.ts';
import { wireDocument } from '../core/support/samples.ts';
import { type Ask, client, post } from './client.ts';

const JOBS = '/api/v1/jobs';
const LIMIT = 256 * 1024;
/** system.echo takes any object, so what is refused here is refused for the body's sake. */
const good = JSON.stringify(
  wireDocument({
    operation: 'system.echo',
    payload: { type: 'system.echo.v1', data: { message: 'hello' } },
  }),
);

const bodies: readonly (readonly [string, number, string, Ask])[] = [
  ['nothing', 400, 'BAD_REQUEST', { body: '' }],
  ['malformed JSON', 400, 'BAD_REQUEST', { body: good.slice(0, -1) }],
  ['two values', 400, 'BAD_REQUEST', { body: `${good}${good}` }],
  ['a byte order mark', 400, 'BAD_REQUEST', { body: `\ufeff${good}` }],
  ['NaN', 400, 'BAD_REQUEST', { body: '{"version":NaN}' }],
  [
    'what is not UTF-8',
    400,
    'BAD_REQUEST',
    { body: Uint8Array.from(Buffer.from(good.replace('hello', '\u00e9'), 'latin1')) },
  ],
  ['an array', 400, 'VALIDATION_ERROR', { body: `[${good}]` }],
  ['null', 400, 'VALIDATION_ERROR', { body: 'null' }],
  ['a __proto__ key', 400, 'VALIDATION_ERROR', { body: good.replace('"message"', '"__proto__"') }],
  [
    'an escaped __proto__ key',
    400,
    'VALIDATION_ERROR',
    { body: good.replace('"message"', '"\\u005f_proto__"') },
  ],
  [
    'brackets nested 100,000 deep',
    400,
    'VALIDATION_ERROR',
    { body: good.replace('"hello"', `${'['.repeat(100_000)}${']'.repeat(100_000)}`) },
  ],
  [
    'objects nested 30,000 deep',
    400,
    'VALIDATION_ERROR',
    { body: good.replace('"hello"', `${'{"a":'.repeat(30_000)}1${'}'.repeat(30_000)}`) },
  ],
  ['no content type', 415, 'UNSUPPORTED_MEDIA_TYPE', { body: good, headers: { 'Content-Type': '' } }],
  ['text/plain', 415, 'UNSUPPORTED_MEDIA_TYPE', { body: good, headers: { 'Content-Type': 'text/plain' } }],
  [
    'a form',
    415,
    'UNSUPPORTED_MEDIA_TYPE',
    { body: good, headers: { 'Content-Type': 'application/x-www-form-urlencoded' } },
  ],
  [
    'JSON lines',
    415,
    'UNSUPPORTED_MEDIA_TYPE',
    { body: good, headers: { 'Content-Type': 'application/jsonlines' } },
  ],
  [
    'a body over the limit',
    413,
    'PAYLOAD_TOO_LARGE',
    { body: padded(LIMIT + 1), headers: { 'Content-Length': String(LIMIT + 1) } },
  ],
  ['a streamed body over the limit', 413, 'PAYLOAD_TOO_LARGE', { body: stream(padded(LIMIT + 1)) }],
];

/** The good document with white space up to a length. */
function padded(length: number): string {
  return good.padEnd(length, ' ');
}

/** Chunks without a content length. */
function stream(text: string): ReadableStream {
  const bytes = new TextEncoder().encode(text);
  return new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += 65_536) controller.enqueue(bytes.subarray(at, at + 65_536));
      controller.close();
    },
  });
}

describe('a submit is refused and nothing recorded when its body is', () => {
  test.each(bodies)('%s: %i %s', async (_what, status, error, ask) => {
    const { context, platform } = await openRig();
    const reply = await client(context)(JOBS, { method: 'POST', ...ask });
    expect({ status: reply.status, error: reply.json.error }).toEqual({ status, error });
    expect(await platform.jobs.unfinished()).toBe(0);
    expect(String(reply.json.message).length).toBeLessThan(500);
  });
});

test.each([
  ['exactly the limit', { body: padded(LIMIT), headers: { 'Content-Length': String(LIMIT) } }],
  ['exactly the limit, streamed', { body: stream(padded(LIMIT)) }],
  ['with a charset', { body: good, headers: { 'Content-Type': 'application/json; charset=utf-8' } }],
  ['of a JSON media type', { body: good, headers: { 'Content-Type': 'application/vnd.disklane+json' } }],
  ['that speaks of __proto__ in a text', { body: good.replace('hello', '\\"__proto__\\": 1') }],
  ['nested 60 deep', { body: good.replace('"hello"', `${'['.repeat(60)}${']'.repeat(60)}`) }],
  ['of UTF-8 beyond ASCII', { body: good.replace('hello', 'é 💾') }],
])('a submit may have a body %s', async (_what, ask: Ask) => {
  const { context } = await openRig();
  expect((await client(context)(JOBS, { method: 'POST', ...ask })).status).toBe(201);
});

test('a validation error names field and reason, as the seed shows it', async () => {
  const { context } = await openRig();
  const { status, json } = await client(context)(JOBS, post(wireDocument({ operation: 'inspect' })));
  expect(status).toBe(400);
  expect(json).toEqual({
    error: 'VALIDATION_ERROR',
    message: expect.stringMatching(/^Job validation failed: operation: /),
    details: { field: 'operation', reason: expect.stringContaining('namespaced') },
  });
});

test('an option that is not built is refused by its own code', async () => {
  const { context } = await openRig();
  const data = { image: { path: '/a' }, options: { deep_scan: true } };
  const inspect = { operation: 'guestkit.inspect', payload: { type: 'guestkit.inspect.v1', data } };
  const { status, json } = await client(context)(JOBS, post(wireDocument(inspect)));
  expect({ status, error: json.error }).toEqual({ status: 400, error: 'UNSUPPORTED_OPTION' });
});

test.each([
  ['DELETE', JOBS, 'GET, HEAD, POST'],
  ['PUT', JOBS, 'GET, HEAD, POST'],
  ['OPTIONS', JOBS, 'GET, HEAD, POST'],
  ['POST', `${JOBS}/some-job`, 'GET, HEAD'],
  ['DELETE', `${JOBS}/some-job`, 'GET, HEAD'],
  ['PATCH', `${JOBS}/some-job/result`, 'GET, HEAD'],
  ['POST', '/api/v1/capabilities', 'GET, HEAD'],
  ['POST', '/api/v1/health', 'GET, HEAD'],
])('%s %s is not allowed, and Allow says what is', async (method, path, allow) => {
  const { context } = await openRig();
  const { status, json, headers } = await client(context)(path, { method });
  expect({ status, error: json.error }).toEqual({ status: 405, error: 'METHOD_NOT_ALLOWED' });
  expect(headers.get('Allow')?.split(', ').sort().join(', ')).toBe(allow);
});

test.each([
  '/',
  '/api/v1',
  '/api/v1/job',
  '/api/v1/jobs/',
  '/api/v1/jobs/some-job/results',
  '/api/v1/jobs/a/b/result',
  '/api/v2/jobs',
  '/API/V1/jobs',
  `/${'x'.repeat(10_000)}`,
])('the route %.40s is not found', async (path) => {
  const { context } = await openRig();
  const { status, json } = await client(context)(path);
  expect({ status, error: json.error }).toEqual({ status: 404, error: 'NOT_FOUND' });
  expect(String(json.message).length).toBeLessThan(300);
});

const hostileIds = [
  '..%2f..%2fetc%2fpasswd',
  '%2e%2e%2fdisklane.db',
  '.hidden',
  '%00',
  'a%00b',
  '%ff',
  '%',
  '%E0%A4%A',
  'a b',
  "a'--",
  'x'.repeat(129),
  'x'.repeat(10_000),
  '__proto__',
];

describe.each(['', '/result'])('no job is found at /jobs/{id}%s', (rest) => {
  test.each(hostileIds)('under the hostile id %.40s', async (id) => {
    const { context, logged } = await openRig();
    const { status, json } = await client(context)(`${JOBS}/${id}${rest}`);
    expect({ status, error: json.error }).toEqual({ status: 404, error: 'NOT_FOUND' });
    expect(String(json.message).length).toBeLessThan(300);
    expect(logged).toEqual([]);
  });

  test.each(['nobody-knows', 'x'])('under the unknown id %s', async (id) => {
    const { context } = await openRig();
    const { status, json } = await client(context)(`${JOBS}/${id}${rest}`);
    expect(status).toBe(404);
    expect(json).toEqual({ error: 'NOT_FOUND', message: `Job ${id} not found` });
  });
});

test.each([
  [`${JOBS}?status=running`, 'status'],
  [`${JOBS}?status=`, 'status'],
  [`${JOBS}?limit=0`, 'limit'],
  [`${JOBS}?limit=1001`, 'limit'],
  [`${JOBS}?limit=-1`, 'limit'],
  [`${JOBS}?limit=1e2`, 'limit'],
  [`${JOBS}?limit=`, 'limit'],
  [`${JOBS}?limit=99999999999999999999`, 'limit'],
  [`${JOBS}?namespace=Upper`, 'namespace'],
  [`${JOBS}?label=novalue`, 'label'],
  [`${JOBS}?label=:x`, 'label'],
  [`${JOBS}?submitted_after=yesterday`, 'submitted_after'],
  [`${JOBS}?submitted_before=2026-01-30`, 'submitted_before'],
  [`${JOBS}?page_token=forged`, 'page_token'],
  [`${JOBS}?page_token=${'A'.repeat(64)}`, 'page_token'],
  [`${JOBS}?page_token=${'A'.repeat(5000)}`, 'page_token'],
  [`${JOBS}?page_token=`, 'page_token'],
  [`${JOBS}?page=2`, 'page'],
  [`${JOBS}/some-job?document=yes`, 'document'],
  [`${JOBS}/some-job?documents=true`, 'documents'],
  [`${JOBS}/some-job/result?inline=0`, 'inline'],
  [`${JOBS}/some-job/result?format=xml`, 'format'],
])('the query of %.60s is refused', async (path, field) => {
  const { context } = await openRig();
  const { status, json } = await client(context)(path);
  expect({ status, error: json.error }).toEqual({ status: 400, error: 'VALIDATION_ERROR' });
  expect(json.details).toMatchObject({ field });
  expect(json.message).toMatch(/^Request validation failed: /);
});

test('an unexpected error is told by its request id alone', async () => {
  const { contextWith, platform, logged } = await openRig();
  const jobs = overriding(platform.jobs, { get: () => Promise.reject(new Error('secret inner text')) });
  const ask = client(contextWith({ jobs }));
  const { status, json, headers } = await ask(`${JOBS}/some-job`, {
    headers: { 'X-Request-Id': 'my-request-1' },
  });
  expect({ status, error: json.error }).toEqual({ status: 500, error: 'INTERNAL_ERROR' });
  expect(headers.get('X-Request-Id')).toBe('my-request-1');
  expect(json.details).toEqual({ request_id: 'my-request-1' });
  expect(JSON.stringify(json)).not.toContain('secret');
  expect(logged).toMatchObject([{ level: 'error', request_id: 'my-request-1' }]);
});

test('a request id that is not one is replaced', async () => {
  const { context } = await openRig();
  const { headers } = await client(context)('/api/v1/health', {
    headers: { 'X-Request-Id': '<script>'.repeat(100) },
  });
  expect(headers.get('X-Request-Id')).not.toContain('<');
});
