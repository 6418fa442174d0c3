import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Download, Program, resultOf, run, sha256, startApi, urlOf } from './support.ts';

const JOB = 'presigned-echo';
const message = 'what was said, '.repeat(100);
let folder: string;
let service: Program;
let url: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'disklane-test-'));
  service = new Program(process.execPath, ['local/main.ts'], {
    ...settings(),
    DISKLANE_PRESIGN_SECONDS: '1',
  });
  url = urlOf(await service.ready());
  await run(url, JOB, 'system.echo', { message });
});

afterAll(async () => {
  await service.end('SIGKILL');
  await rm(folder, { recursive: true });
});

function settings() {
  return { PORT: '0', DISKLANE_DATA_DIR: join(folder, 'data'), DISKLANE_IMAGE_ROOTS: join(folder, 'images') };
}

/** A URL that has a second to live. */
async function fresh(): Promise<Download> {
  return (await resultOf(url, JOB)).download;
}

test('the URL gives the bytes that size, checksum and type promise, to anyone with plain HTTP', async () => {
  const download = await fresh();
  const response = await fetch(download.url);
  const bytes = new Uint8Array(await response.arrayBuffer());
  expect(response.status).toBe(200);
  expect(bytes.length).toBe(download.size_bytes);
  expect(sha256(bytes)).toBe(download.sha256);
  expect(JSON.parse(Buffer.from(bytes).toString())).toEqual({ version: '1.0', echo: { message } });
  expect(response.headers.get('content-type')).toBe(download.content_type);
  expect(response.headers.get('content-disposition')).toBe(`attachment; filename="${JOB}.json"`);
  expect(response.headers.get('etag')).toBe(`"${download.sha256}"`);
  expect(response.headers.get('x-request-id')).toMatch(/^[\w-]{8,}$/);
});

test('a Range of it', async () => {
  const { url, size_bytes } = await fresh();
  const part = async (range: string) => {
    const response = await fetch(url, { headers: { Range: range } });
    return [response.status, response.headers.get('content-range'), await response.text()];
  };
  expect(await part('bytes=2-8')).toEqual([206, `bytes 2-8/${size_bytes}`, 'version']);
  expect(await part('bytes=-2')).toEqual([
    206,
    `bytes ${size_bytes - 2}-${size_bytes - 1}/${size_bytes}`,
    '}}',
  ]);
  expect((await part(`bytes=${size_bytes}-`)).slice(0, 2)).toEqual([416, `bytes */${size_bytes}`]);
});

test.for([
  [
    'another signature',
    (url: URL) => url.searchParams.set('signature', Buffer.alloc(32, 7).toString('base64url')),
  ],
  ['no signature', (url: URL) => url.searchParams.delete('signature')],
  [
    'a later expiry',
    (url: URL) => url.searchParams.set('expires', String(Number(url.searchParams.get('expires')) + 60)),
  ],
  ['another file name', (url: URL) => url.searchParams.set('filename', 'x.html')],
  [
    'another object',
    (url: URL) => {
      url.pathname += 'x';
    },
  ],
] as const)('%s is refused with 403', async ([, change]) => {
  const changed = new URL((await fresh()).url);
  change(changed);
  const response = await fetch(changed);
  expect(response.status).toBe(403);
  expect(await response.json()).toMatchObject({
    error: 'FORBIDDEN',
    message: expect.stringContaining('sign'),
  });
});

test('it expires when it says', async () => {
  const download = await fresh();
  await sleep(Date.parse(download.expires_at) - Date.now() + 20);
  const response = await fetch(download.url);
  expect(response.status).toBe(403);
  expect(await response.json()).toEqual({ error: 'FORBIDDEN', message: 'the URL has expired' });
});

test('the Host header of who asks has no part in it', async () => {
  const sent = request(`${url}/api/v1/jobs/${JOB}/result`, {
    headers: { Host: 'evil.example', 'X-Forwarded-Host': 'evil.example' },
  });
  sent.end();
  const [reply]: IncomingMessage[] = await once(sent, 'response');
  if (reply === undefined) throw new Error('no reply');
  const { download } = JSON.parse(await text(reply)) as { download: Download };
  expect(download.url.startsWith(`${url}/objects/`), download.url).toBe(true);
});

test('DISKLANE_PUBLIC_URL has: the URL begins with it', async () => {
  const behindProxy = { ...settings(), DISKLANE_PUBLIC_URL: 'https://disks.example/lane/' };
  const { program, url } = await startApi('local/gateway.ts', behindProxy);
  expect(await program.ready()).toBe(`disklane gateway ready on ${url} for https://disks.example/lane`);
  const { download } = await resultOf(url, JOB);
  expect(download.url).toContain('https://disks.example/lane/objects/');
  // The proxy takes its own prefix off; the signature does not cover it.
  const response = await fetch(download.url.replace('https://disks.example/lane', url));
  expect(response.status).toBe(200);
});
