import { constants, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { unzstd, zstdFrameLength } from '../../disk/zstd.ts';

const settings = fc.record({
  content: fc.oneof(
    fc.uint8Array({ maxLength: 3000 }),
    fc.nat(400_000).map((length) => new Uint8Array(length)),
    fc.nat(300_000).map((length) => Buffer.alloc(length, 'some text, repeated ')),
  ),
  checksum: fc.boolean(),
  padding: fc.uint8Array({ maxLength: 50 }),
});

test('finds the end of a frame whatever follows', () => {
  fc.assert(
    fc.property(settings, ({ content, checksum, padding }) => {
      const params = { [constants.ZSTD_c_checksumFlag]: checksum ? 1 : 0 };
      const frame = zstdCompressSync(content, { params });
      expect(zstdFrameLength(Buffer.concat([frame, padding]))).toBe(frame.length);
      for (const cut of [0, 4, 5, frame.length - 1])
        expect(zstdFrameLength(frame.subarray(0, cut))).toBeNull();
    }),
  );
});

test('decompresses frame after frame until the length is reached', () => {
  const first = zstdCompressSync(Buffer.from('hello '));
  const second = zstdCompressSync(Buffer.from('world'));
  const bytes = Buffer.concat([first, second, Buffer.alloc(100)]);
  expect(Buffer.from(unzstd(bytes, 11) ?? []).toString()).toBe('hello world');
  expect(unzstd(bytes, 12)).toBeNull();
  expect(unzstd(bytes, 8)).toBeNull();
});

test('frames without content come to an end', () => {
  const empty = zstdCompressSync(Buffer.alloc(0));
  expect(unzstd(Buffer.concat([empty, empty, empty]), 5)).toBeNull();
});

test('refuses damaged data and a window larger than 8 MiB', () => {
  const frame = zstdCompressSync(Buffer.alloc(5000, 'abcdefg'));
  fc.assert(
    fc.property(fc.nat(frame.length - 1), fc.nat(255), (at, value) => {
      const mutated = Buffer.from(frame);
      mutated[at] = value;
      const bytes = unzstd(mutated, 5000);
      expect(bytes === null || bytes.length === 5000).toBe(true);
    }),
  );
  // Magic, descriptor without a single segment, window descriptor for 2^31 bytes, one empty last block.
  const huge = Buffer.from('28b52ffd00a8010000', 'hex');
  expect(zstdFrameLength(huge)).toBe(huge.length);
  expect(unzstd(huge, 1)).toBeNull();
});
