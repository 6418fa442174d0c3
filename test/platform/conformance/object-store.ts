import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { ByteRange } from '../../../core/ports.ts';
import { opened, type Subject, unique } from './subject.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const type = { contentType: 'application/octet-stream' };

async function bytesOf(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(body));
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** The guarantees of ObjectStore. */
export function objectStoreConformance(subject: Subject): void {
  describe(`${subject.name}: ObjectStore`, () => {
    const open = opened(subject);
    const complete = subject.objects === 'complete';
    const objects = () => open().platform.objects;
    const key = (name = 'object') => `${unique('test')}/${name}`;

    /** What another client reads, or null. */
    async function read(name: string, range?: ByteRange): Promise<Buffer | null> {
      const got = await open().other.objects.get(name, range);
      return got === null ? null : bytesOf(got.body);
    }

    test('get gives the bytes and the facts of what was put', async () => {
      const [name, bytes] = [key(), randomBytes(5000)];
      const put = await objects().put(name, bytes, { contentType: 'application/json' });
      expect(put).toEqual({ size: 5000, sha256: sha256(bytes) });
      const got = await open().other.objects.get(name);
      expect(got?.info).toMatchObject({ key: name, size: 5000, contentType: 'application/json' });
      expect(got?.info.etag).toMatch(/^"[^"]+"$/);
      expect(Math.abs((got?.info.modifiedAt ?? 0) - Date.now())).toBeLessThan(5000);
      expect(got && (await bytesOf(got.body)).equals(bytes)).toBe(true);
      expect(await objects().head(name)).toEqual(got?.info);
    });

    test('an empty object is an object', async () => {
      const name = key();
      expect(await objects().put(name, new Uint8Array(0), type)).toEqual({
        size: 0,
        sha256: sha256(Buffer.alloc(0)),
      });
      expect(await read(name)).toEqual(Buffer.alloc(0));
    });

    test('a stream of pieces of any size is stored as it came', async () => {
      const bytes = randomBytes(3_000_001);
      for (const size of [1_000_000, 65_537]) {
        const name = key();
        expect(await objects().put(name, pieces(bytes, size), type)).toEqual({
          size: bytes.length,
          sha256: sha256(bytes),
        });
        expect((await read(name))?.equals(bytes)).toBe(true);
      }
    });

    test('a stream that fails stores nothing, and leaves what was there', async () => {
      const name = key();
      const failing = async function* () {
        yield randomBytes(100_000);
        throw new Error('the source broke');
      };
      await expect(objects().put(name, failing(), type)).rejects.toThrow('the source broke');
      expect(await read(name)).toBeNull();
      await objects().put(name, Buffer.from('old'), type);
      await expect(objects().put(name, failing(), type)).rejects.toThrow('the source broke');
      expect((await read(name))?.toString()).toBe('old');
    });

    test('an object is not visible before its put is over', async () => {
      const name = key();
      const { promise: gate, resolve: go } = Promise.withResolvers<void>();
      const slow = async function* () {
        yield Buffer.from('first');
        await gate;
        yield Buffer.from('second');
      };
      const putting = objects().put(name, slow(), type);
      await sleep(50);
      expect(await open().other.objects.head(name)).toBeNull();
      go();
      await putting;
      expect((await read(name))?.toString()).toBe('firstsecond');
    });

    test('put replaces an object and its facts; the etag tells them apart', async () => {
      const name = key();
      await objects().put(name, Buffer.from('one'), { contentType: 'text/plain' });
      const before = await objects().head(name);
      await objects().put(name, Buffer.from('three'), { contentType: 'text/html' });
      const after = await objects().head(name);
      expect(after).toMatchObject({ size: 5, contentType: 'text/html' });
      expect(after?.etag).not.toBe(before?.etag);
      expect((await read(name))?.toString()).toBe('three');
    });

    test('a get gives the object as it was opened, though it is replaced or deleted while it is read', async () => {
      const bytes = randomBytes(2_000_000);
      for (const change of ['replace', 'delete']) {
        const name = key();
        await objects().put(name, bytes, type);
        const got = await objects().get(name);
        if (change === 'replace') await open().other.objects.put(name, Buffer.from('new'), type);
        else await open().other.objects.delete(name);
        expect(got && (await bytesOf(got.body)).equals(bytes)).toBe(true);
      }
    });

    test('readers and a writer of one object at once: every read is one whole version', async () => {
      const name = key();
      const versions = [1, 2, 3, 4, 5, 6].map((n) => Buffer.alloc(300_000 + n, n));
      await objects().put(name, Buffer.alloc(300_000, 0), type);
      let writing = true;
      const reader = async () => {
        while (writing) {
          const bytes = await read(name);
          if (bytes === null) throw new Error('the object was away');
          const [first = 0] = bytes;
          expect(bytes.equals(Buffer.alloc(300_000 + first, first))).toBe(true);
        }
      };
      const readers = [reader(), reader()];
      for (const version of versions) await objects().put(name, version, type);
      writing = false;
      await Promise.all(readers);
    });

    test('a range gives its bytes, both ends inclusive, cut at the end', async () => {
      const [name, bytes] = [key(), randomBytes(1000)];
      await objects().put(name, bytes, type);
      const ranges: [ByteRange, number, number][] = [
        [{ start: 0 }, 0, 1000],
        [{ start: 0, end: 0 }, 0, 1],
        [{ start: 10, end: 19 }, 10, 20],
        [{ start: 990 }, 990, 1000],
        [{ start: 999, end: 5000 }, 999, 1000],
      ];
      for (const [range, from, to] of ranges) {
        expect([range, await read(name, range)]).toEqual([range, bytes.subarray(from, to)]);
      }
      expect((await objects().get(name, { start: 5, end: 6 }))?.info.size).toBe(1000);
    });

    test('a range that starts at or past the end is a RangeError', async () => {
      const name = key();
      await objects().put(name, Buffer.from('abc'), type);
      await expect(objects().get(name, { start: 3 })).rejects.toThrow(RangeError);
      await expect(objects().get(name, { start: 9, end: 10 })).rejects.toThrow(RangeError);
    });

    test('what is not there is null, and no error to delete', async () => {
      const name = key();
      expect(await objects().get(name)).toBeNull();
      expect(await objects().head(name)).toBeNull();
      await objects().delete(name);
    });

    test('delete takes an object, and only that', async () => {
      const name = key();
      await objects().put(name, Buffer.from('a'), type);
      await objects().put(`${name}/below`, Buffer.from('b'), type);
      await objects().delete(name);
      expect(await read(name)).toBeNull();
      expect((await read(`${name}/below`))?.toString()).toBe('b');
    });

    test('keys that look like paths, or like one another, are apart', async () => {
      const base = unique('keys');
      const long = 'ü'.repeat(450);
      const names = [
        'a',
        'a/b',
        'a.part',
        'A',
        'a%2fb',
        'a b',
        '..a',
        'a..',
        '...',
        '-',
        '~',
        'quote\'"',
        'back\\slash',
        'new\nline',
        '\u{1f4bf}',
        long,
        `${long}x`,
      ];
      const keys = names.map((name) => `${base}/${name}`);
      for (const name of keys) await objects().put(name, Buffer.from(name), type);
      for (const name of keys) expect((await read(name))?.toString()).toBe(name);
    });

    test('a key that is no key is refused by every operation', async () => {
      const wrong = [
        '',
        '/',
        '/a',
        'a/',
        'a//b',
        '.',
        '..',
        'a/../b',
        './a',
        'a/.',
        'x'.repeat(1025),
        'a\0b',
        '\ud800',
      ];
      for (const name of wrong) {
        await expect(objects().put(name, Buffer.from('x'), type), name).rejects.toThrow(RangeError);
        await expect(objects().get(name), name).rejects.toThrow(RangeError);
        await expect(objects().delete(name), name).rejects.toThrow(RangeError);
      }
    });

    test.runIf(complete)(
      'list gives a prefix in the order of the bytes of the keys, page by page',
      async () => {
        const base = unique('list');
        const names = ['a', 'a-b', 'a.b', 'a/b', 'a/c/d', 'a0', 'b', 'é', '\uffee', '\u{1f4bf}'];
        for (const name of names.toReversed())
          await objects().put(`${base}/${name}`, Buffer.from(name), type);
        await objects().put(`${base}x`, Buffer.from('outside'), type);
        const all = names.map((name) => `${base}/${name}`);
        for (const limit of [1, 3, 10, 100]) {
          const found: string[] = [];
          let token: string | null = null;
          do {
            const page = await objects().list(`${base}/`, limit, token);
            expect(page.items.length).toBeLessThanOrEqual(limit);
            found.push(...page.items.map((info) => info.key));
            token = page.next;
          } while (token !== null);
          expect(found).toEqual(all);
        }
        const below = await objects().list(`${base}/a/`, 100, null);
        expect(below.items.map((info) => info.key)).toEqual([`${base}/a/b`, `${base}/a/c/d`]);
        expect(below.items[0]).toMatchObject({ size: 3, contentType: type.contentType });
      },
    );

    test('a list token that was not given is refused', async () => {
      await expect(objects().list('any/', 10, 'forged')).rejects.toMatchObject({ field: 'page_token' });
    });

    test.runIf(complete)(
      'a presigned URL gives the object to anyone, with its headers and ranges',
      async () => {
        const [name, bytes] = [key('résult 100%.json'), randomBytes(300_000)];
        await objects().put(name, bytes, { contentType: 'application/json' });
        const before = Date.now();
        const { url, expiresAt } = await objects().presignGet(name, {
          expiresInSeconds: 60,
          filename: 'result.json',
          contentType: 'application/x-ours',
        });
        expect(expiresAt).toBeGreaterThan(before + 58_000);
        expect(expiresAt).toBeLessThan(before + 63_000);
        const response = await fetch(url);
        expect(response.status).toBe(200);
        expect(response.headers.get('content-type')).toBe('application/x-ours');
        expect(response.headers.get('content-disposition')).toBe('attachment; filename="result.json"');
        expect(response.headers.get('content-length')).toBe('300000');
        expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
        const part = await fetch(url, { headers: { range: 'bytes=100-199' } });
        expect(part.status).toBe(206);
        expect(part.headers.get('content-range')).toBe('bytes 100-199/300000');
        expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(100, 200))).toBe(true);
      },
    );

    test.runIf(complete)('a presigned URL gives no other key', async () => {
      const [name, secret] = [unique('presign'), unique('presign')];
      await objects().put(name, Buffer.from('mine'), type);
      await objects().put(secret, Buffer.from('secret'), type);
      const { url } = await objects().presignGet(name, {
        expiresInSeconds: 60,
        filename: 'f',
        contentType: 'text/plain',
      });
      const response = await fetch(url.replace(name, secret));
      expect(response.status).toBe(403);
      expect(await response.text()).not.toContain('secret');
    });

    test.runIf(complete)('a presigned URL gives nothing after its expiry', async () => {
      const name = key();
      await objects().put(name, Buffer.from('x'), type);
      const { url, expiresAt } = await objects().presignGet(name, {
        expiresInSeconds: 1,
        filename: 'f',
        contentType: 'text/plain',
      });
      expect((await fetch(url)).status).toBe(200);
      await sleep(expiresAt - Date.now() + 100);
      expect((await fetch(url)).status).toBe(403);
    });

    test('a lifetime outside 1 to 900 seconds is refused', async () => {
      for (const expiresInSeconds of [0, 901, Number.NaN]) {
        await expect(
          objects().presignGet(key(), { expiresInSeconds, filename: 'f', contentType: 'text/plain' }),
        ).rejects.toThrow(RangeError);
      }
    });
  });
}
