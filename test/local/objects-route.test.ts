import { randomBytes } from 'node:crypto';
import { readdirSync, readlinkSync } from 'node:fs';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { opened, unique } from '../platform/conformance/subject.ts';
import { embedded } from '../platform/embedded/subject.ts';

describe('presigned URLs over HTTP', () => {
  const open = opened(embedded);

  async function urlOf(bytes: Uint8Array, { filename = 'result.json', key = unique('key') } = {}) {
    const { objects } = open().platform;
    await objects.put(key, bytes, { contentType: 'application/json' });
    const options = { expiresInSeconds: 60, filename, contentType: 'application/json' };
    return { key, url: (await objects.presignGet(key, options)).url };
  }
  const get = (url: string, headers: Record<string, string> = {}) => fetch(url, { headers });

  test('a GET has the headers of a private download', async () => {
    const { url } = await urlOf(Buffer.from('{}'));
    const { headers } = await get(url);
    expect(Object.fromEntries(headers)).toMatchObject({
      'accept-ranges': 'bytes',
      'cache-control': 'private, no-store',
      'content-disposition': 'attachment; filename="result.json"',
      'content-length': '2',
      'content-type': 'application/json',
      'x-content-type-options': 'nosniff',
    });
  });

  test('HEAD gives the headers of GET, with no body', async () => {
    const { url } = await urlOf(randomBytes(700_000));
    const head = await fetch(url, { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(head.headers.get('content-length')).toBe('700000');
    expect(head.headers.get('etag')).toBe((await get(url)).headers.get('etag'));
    const part = await fetch(url, { method: 'HEAD', headers: { range: 'bytes=5-9' } });
    expect([part.status, part.headers.get('content-length')]).toEqual([206, '5']);
  });

  test.each([
    ['bytes=0-0', 0, 1],
    ['bytes=10-', 10, 1000],
    ['bytes=-1', 999, 1000],
    ['bytes=-5000', 0, 1000],
    ['bytes=990-5000', 990, 1000],
  ])('Range %s is a 206 of exactly its bytes', async (range, from, to) => {
    const bytes = randomBytes(1000);
    const { url } = await urlOf(bytes);
    const response = await get(url, { range });
    expect(response.status).toBe(206);
    expect(response.headers.get('content-range')).toBe(`bytes ${from}-${to - 1}/1000`);
    expect(response.headers.get('content-length')).toBe(String(to - from));
    expect(Buffer.from(await response.arrayBuffer())).toEqual(bytes.subarray(from, to));
  });

  test.each(['bytes=1000-', 'bytes=5000-6000', 'bytes=-0'])('Range %s is a 416', async (range) => {
    const { url } = await urlOf(randomBytes(1000));
    const response = await get(url, { range });
    expect(response.status).toBe(416);
    expect(response.headers.get('content-range')).toBe('bytes */1000');
    expect(await response.json()).toMatchObject({ error: 'RANGE_NOT_SATISFIABLE' });
  });

  test.each(['bytes=0-1,5-6', 'bytes=5-2', 'bytes=a-b', 'lines=0-1', 'bytes=-', `bytes=0-${'9'.repeat(40)}`])(
    'Range %s is not one range of ours: the whole object',
    async (range) => {
      const { url } = await urlOf(randomBytes(1000));
      const response = await get(url, { range });
      expect(response.status).toBe(200);
      expect((await response.arrayBuffer()).byteLength).toBe(1000);
    },
  );

  test('any range of an empty object is a 416, and a plain GET is empty', async () => {
    const { url } = await urlOf(new Uint8Array(0));
    expect((await get(url, { range: 'bytes=0-' })).status).toBe(416);
    const whole = await get(url);
    expect([whole.status, await whole.text()]).toEqual([200, '']);
  });

  test('If-None-Match of the object gives 304, of another one the object', async () => {
    const { url } = await urlOf(Buffer.from('abc'));
    const etag = (await get(url)).headers.get('etag') ?? '';
    for (const tags of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const response = await get(url, { 'if-none-match': tags });
      expect([response.status, await response.text()]).toEqual([304, '']);
      expect(response.headers.get('etag')).toBe(etag);
    }
    expect((await get(url, { 'if-none-match': '"x"' })).status).toBe(200);
  });

  test('If-Range lets a download go on only when the object is the same', async () => {
    const { url, key } = await urlOf(Buffer.from('abcdef'));
    const etag = (await get(url)).headers.get('etag') ?? '';
    const same = await get(url, { range: 'bytes=3-', 'if-range': etag });
    expect([same.status, await same.text()]).toEqual([206, 'def']);
    await open().platform.objects.put(key, Buffer.from('ABCDEF'), { contentType: 'text/plain' });
    for (const condition of [etag, new Date().toUTCString()]) {
      const changed = await get(url, { range: 'bytes=3-', 'if-range': condition });
      expect([changed.status, await changed.text()]).toEqual([200, 'ABCDEF']);
    }
  });

  test('every change of a signed URL gets 403 in the JSON envelope', async () => {
    const { url } = await urlOf(Buffer.from('secret'));
    const changes: ((changed: URL) => void)[] = [
      (changed) => changed.searchParams.set('expires', '9999999999'),
      (changed) => changed.searchParams.set('expires', 'never'),
      (changed) => changed.searchParams.set('filename', 'run-me.exe'),
      (changed) => changed.searchParams.set('type', 'text/html'),
      (changed) => changed.searchParams.delete('filename'),
      (changed) => changed.searchParams.delete('expires'),
      (changed) => changed.searchParams.delete('signature'),
      (changed) => changed.searchParams.set('signature', ''),
      (changed) => changed.searchParams.set('signature', 'A'.repeat(43)),
      (changed) => changed.searchParams.append('type', 'text/html'),
      (changed) => changed.searchParams.append('signature', 'x'),
      (changed) => {
        changed.pathname += '2';
      },
      (changed) => {
        changed.pathname += '%ff';
      },
    ];
    for (const change of changes) {
      const changed = new URL(url);
      change(changed);
      const response = await fetch(changed);
      expect(response.status, String(changed)).toBe(403);
      expect(await response.json()).toEqual({ error: 'FORBIDDEN', message: expect.any(String) });
    }
    expect((await fetch(url)).status).toBe(200);
  });

  test("another directory's signature gets 403", async () => {
    const { key, url } = await urlOf(Buffer.from('secret'));
    const elsewhere = await embedded.open();
    await elsewhere.platform.objects.put(key, Buffer.from('theirs'), { contentType: 'text/plain' });
    const options = { expiresInSeconds: 60, filename: 'result.json', contentType: 'application/json' };
    const foreign = new URL((await elsewhere.platform.objects.presignGet(key, options)).url);
    await elsewhere.close();
    foreign.host = new URL(url).host;
    expect((await fetch(foreign)).status).toBe(403);
  });

  test('an object that has gone is a 404, and other methods are a 405', async () => {
    const { key, url } = await urlOf(Buffer.from('x'));
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const response = await fetch(url, { method });
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
      expect(await response.json()).toMatchObject({ error: 'METHOD_NOT_ALLOWED' });
    }
    await open().platform.objects.delete(key);
    const response = await fetch(url);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: 'NOT_FOUND' });
  });

  test.each([
    ['plain name.json', 'attachment; filename="plain name.json"'],
    ['a"b\\c.json', `attachment; filename="a_b_c.json"; filename*=UTF-8''a%22b%5Cc.json`],
    ["été '1'.json", `attachment; filename="_t_ '1'.json"; filename*=UTF-8''%C3%A9t%C3%A9%20%271%27.json`],
    [
      'x\r\nSet-Cookie: a=b',
      `attachment; filename="x__Set-Cookie: a=b"; filename*=UTF-8''x%0D%0ASet-Cookie%3A%20a%3Db`,
    ],
  ])('the file name %j is offered safely', async (filename, header) => {
    const { url } = await urlOf(Buffer.from('x'), { filename });
    expect((await get(url)).headers.get('content-disposition')).toBe(header);
  });

  test('hostile keys come back through their URLs', async () => {
    for (const name of [
      'sp ace',
      'q?x=1#f',
      '%2e%2e',
      'ü/\u{1f4bf}',
      'a+b&c',
      'back\\slash',
      '...',
      "'()*!~",
    ]) {
      const { url } = await urlOf(Buffer.from(name), { key: `${unique('key')}/${name}` });
      expect(await (await fetch(url)).text()).toBe(name);
    }
  });

  test('a client that goes away does not leave the file open, nor is it read ahead of the client', async () => {
    const { url } = await urlOf(Buffer.alloc(64 * 1024 * 1024, 1));
    const held = () =>
      readdirSync('/proc/self/fd').filter((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`).includes('/data/objects/');
        } catch {
          return false;
        }
      }).length;
    expect(held()).toBe(0);
    const before = process.memoryUsage().rss;
    const outgoing = request(url).end();
    const incoming = await new Promise<import('node:http').IncomingMessage>((resolve) => {
      outgoing.once('response', resolve);
    });
    incoming.once('readable', () => incoming.read(1));
    await sleep(300);
    expect(held()).toBe(1);
    expect(process.memoryUsage().rss - before).toBeLessThan(40 * 1024 * 1024);
    outgoing.destroy();
    for (let n = 0; n < 100 && held() > 0; n++) await sleep(20);
    expect(held()).toBe(0);
  });
});
