import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BlockCache } from '../../disk/cache.ts';
import { read } from '../../disk/device.ts';
import { defaultLimits } from '../../disk/limits.ts';
import { diskError, RecordingSource } from './support/images.ts';

const BLOCK = 64 * 1024;

function pattern(length: number): Uint8Array {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE((at * 2654435761) % 2 ** 32, at);
  return bytes;
}

function cached(bytes: Uint8Array, limits: Partial<typeof defaultLimits> = {}) {
  const source = new RecordingSource(bytes);
  const cache = new BlockCache({ ...defaultLimits, ...limits });
  return { source, cache, wrapped: cache.wrap(source) };
}

test('gives the bytes of the source for any reads in any order, within its bound', () => {
  const bytes = pattern(40 * BLOCK + 777);
  const ranges = fc.array(
    fc.tuple(fc.nat(bytes.length), fc.oneof(fc.nat(100), fc.nat(3 * BLOCK), fc.nat(bytes.length))),
    { minLength: 1, maxLength: 30 },
  );
  fc.assert(
    fc.property(ranges, fc.integer({ min: 0, max: 20 }), (reads, blocks) => {
      const { wrapped, cache, source } = cached(bytes, { cacheBytes: blocks * BLOCK });
      for (const [offset, wanted] of reads) {
        const length = Math.min(wanted, bytes.length - offset);
        expect(Buffer.compare(read(wrapped, offset, length), bytes.subarray(offset, offset + length))).toBe(
          0,
        );
        expect(cache.size).toBeLessThanOrEqual(Math.max(blocks, 1));
      }
      expect(cache.reads).toBe(source.reads.length);
      expect(cache.bytesRead).toBe(source.reads.reduce((sum, { length }) => sum + length, 0));
    }),
    { numRuns: 60 },
  );
});

describe('few reads', () => {
  test('a block is read once while it is kept', () => {
    const { wrapped, source } = cached(pattern(4 * BLOCK));
    for (let at = 0; at < BLOCK; at += 1000) read(wrapped, at, 8);
    expect(source.reads).toEqual([{ offset: 0, length: BLOCK }]);
  });

  test('one wish for several missing blocks is one read, around those that are here', () => {
    const { wrapped, source } = cached(pattern(8 * BLOCK));
    read(wrapped, 3 * BLOCK, 1);
    read(wrapped, 0, 8 * BLOCK);
    expect(source.reads).toEqual([
      { offset: 3 * BLOCK, length: BLOCK },
      { offset: 0, length: 3 * BLOCK },
      { offset: 4 * BLOCK, length: 4 * BLOCK },
    ]);
  });

  test('sequential reading fetches ever more at once, up to 1 MiB', () => {
    const { wrapped, source } = cached(pattern(64 * BLOCK));
    for (let at = 0; at < 64 * BLOCK; at += 4096) read(wrapped, at, 4096);
    expect(source.reads.map(({ length }) => length / BLOCK)).toEqual([1, 2, 4, 8, 16, 16, 16, 1]);
  });

  test('scattered reading fetches single blocks', () => {
    const { wrapped, source } = cached(pattern(64 * BLOCK));
    for (const block of [40, 3, 60, 22, 9]) read(wrapped, block * BLOCK + 5, 100);
    expect(source.reads.map(({ length }) => length / BLOCK)).toEqual([1, 1, 1, 1, 1]);
  });

  test('the least recently used block goes first', () => {
    const { wrapped, source } = cached(pattern(16 * BLOCK), { cacheBytes: 2 * BLOCK });
    for (const block of [4, 10, 4, 15, 4]) read(wrapped, block * BLOCK, 1);
    expect(source.reads.map(({ offset }) => offset / BLOCK)).toEqual([4, 10, 15]);
  });
});

test('sources share one cache without mixing their blocks', () => {
  const cache = new BlockCache(defaultLimits);
  const first = cache.wrap(new RecordingSource(Buffer.alloc(BLOCK, 1)));
  const second = cache.wrap(new RecordingSource(Buffer.alloc(BLOCK, 2)));
  expect([read(first, 9, 1)[0], read(second, 9, 1)[0], read(first, 9, 1)[0]]).toEqual([1, 2, 1]);
  expect(cache).toMatchObject({ reads: 2, bytesRead: 2 * BLOCK, size: 2 });
});

test('refuses to read more than maxBytesRead, of all sources together', () => {
  const cache = new BlockCache({ ...defaultLimits, maxBytesRead: 2 * BLOCK });
  const [first, second] = [pattern(8 * BLOCK), pattern(8 * BLOCK)].map((bytes) =>
    cache.wrap(new RecordingSource(bytes)),
  );
  if (first === undefined || second === undefined) throw new Error('two sources were made');
  read(first, 0, 1);
  read(second, 0, 1);
  expect(diskError(() => read(first, 5 * BLOCK, 1))).toMatchObject({
    kind: 'limit',
    expected: 'maxBytesRead',
  });
  expect(cache.bytesRead).toBe(2 * BLOCK);
  expect(read(first, 0, 1)).toHaveLength(1);
});

test('passes on hints for what is missing only, in whole blocks inside the source', () => {
  const { wrapped, source } = cached(pattern(4 * BLOCK + 10));
  read(wrapped, BLOCK, 1);
  wrapped.prefetch([
    { offset: 2 * BLOCK + 8, length: 8 },
    { offset: 100, length: 3 * BLOCK },
    { offset: 3 * BLOCK, length: 8 },
    { offset: 4 * BLOCK + 5, length: 10 ** 9 },
    { offset: 10 ** 12, length: 5 },
  ]);
  expect(source.hints).toEqual([
    { offset: 0, length: BLOCK },
    { offset: 2 * BLOCK, length: 2 * BLOCK + 10 },
  ]);
  expect(source.reads).toHaveLength(1);
});

test('a range past the end is refused before anything is read', () => {
  const { wrapped, source } = cached(pattern(100));
  expect(diskError(() => read(wrapped, 50, 51))).toMatchObject({ kind: 'io' });
  expect(source.reads).toEqual([]);
});
