import { createHash, randomBytes } from 'node:crypto';
import { readdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { ChildProgress } from '../../../worker/reader/outcome.ts';
import { readImages } from '../../../worker/reader/run.ts';
import { request } from '../../support/inspect-request.ts';
import { scratch } from '../../support/scratch.ts';
import { children, failure, imageOf, jobOf, openDescriptors, readerOf, readersOf } from './support.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Reads every source whole in pieces of 3 bytes to 2.5 MB, backwards, and gives the hash of each. */
const hashSources = `
  report({ phase: 'reading', percent: 50, message: 'half' });
  return { sha256: sources.map((source) => {
    const all = new Uint8Array(source.size);
    for (let end = source.size, length = 3; end > 0; length = Math.min(length * 7, 2_500_000)) {
      const from = Math.max(0, end - length);
      source.prefetch([{ offset: from, length: length * 2 }]);
      source.readInto(all.subarray(from, end), from);
      end = from;
    }
    return createHash('sha256').update(all).digest('hex');
  }) };`;

test('every byte arrives as stored, from every source, and is counted', async () => {
  const [first, second] = [randomBytes(9_000_001), randomBytes(70_000)];
  const { root, path } = await imageOf(first);
  await writeFile(join(root, 'second.img'), second);
  const readers = await readersOf({ roots: [root], script: await readerOf(hashSources) });
  const progress: ChildProgress[] = [];
  const images = [{ path }, { path: join(root, 'second.img') }];
  const reading = await readImages(readers, jobOf(path, { images, onProgress: (p) => progress.push(p) }));
  expect(reading.inspection).toEqual({ sha256: [sha256(first), sha256(second)] });
  expect(reading.statistics.bytesRead).toBe(first.length + second.length);
  expect(reading.statistics.reads).toBeGreaterThan(10);
  expect(reading.statistics.peakMemory).toBeGreaterThan(20 * 1024 ** 2);
  expect(reading.images).toEqual([
    { size: first.length, sha256: null },
    { size: second.length, sha256: null },
  ]);
  expect(progress).toEqual([{ kind: 'progress', phase: 'reading', percent: 50, message: 'half' }]);
});

test('reads outside a source end in the child, without a request', async () => {
  const { root, path } = await imageOf(randomBytes(1000));
  const script = await readerOf(`
    const said = [];
    for (const [offset, length] of [[1000, 1], [999, 2], [-1, 1], [0.5, 1], [NaN, 1], [2 ** 53, 1], [2 ** 53 - 1, 1]]) {
      try { sources[0].readInto(new Uint8Array(length), offset); said.push('read'); }
      catch (error) { said.push(error instanceof DiskError ? error.kind : error.name); }
    }
    sources[0].prefetch([{ offset: 999, length: 2 ** 40 }, { offset: 5000, length: 1 }, { offset: -5, length: 3 }, { offset: NaN, length: 1 }, { offset: 0.5, length: 0.3 }]);
    sources[0].readInto(new Uint8Array(0), 1000);
    sources[0].readInto(new Uint8Array(1), 999);
    return { said };`);
  const readers = await readersOf({ roots: [root], script });
  const { inspection, statistics } = await readImages(readers, jobOf(path));
  expect(inspection).toEqual({ said: Array(7).fill('io') });
  expect(statistics).toMatchObject({ reads: 1, bytesRead: 1 });
});

test('an empty image has no bytes to read', async () => {
  const { root, path } = await imageOf(new Uint8Array());
  const readers = await readersOf({ roots: [root], script: await readerOf(hashSources) });
  expect((await readImages(readers, jobOf(path))).inspection).toEqual({ sha256: [sha256(new Uint8Array())] });
});

test('maxBytesRead is kept by the broker and named', async () => {
  const { root, path } = await imageOf(randomBytes(100_000));
  const readers = await readersOf({ roots: [root], script: await readerOf(hashSources) });
  const bounded = { ...request, limits: { ...request.limits, maxBytesRead: 99_999 } };
  expect(await failure(readers, jobOf(path, { request: bounded }))).toMatchObject({
    code: 'LIMIT_EXCEEDED',
    phase: 'reading',
    recoverable: false,
    details: { limit: 'maxBytesRead', layer: 'source' },
  });
  const enough = { ...request, limits: { ...request.limits, maxBytesRead: 100_000 } };
  await readImages(readers, jobOf(path, { request: enough }));
});

test.for([
  [
    "damage('ext4', { place: (at) => ({ source: 0, offset: at + 512 }) }, 56, 'magic 0xef53', '0x0')",
    {
      code: 'IMAGE_CORRUPT',
      message: 'ext4: damaged at image byte 568: expected magic 0xef53, found 0x0',
      recoverable: false,
      details: {
        layer: 'ext4',
        source: 0,
        byte_offset: 568,
        device_offset: 56,
        expected: 'magic 0xef53',
        found: '0x0',
      },
    },
  ],
  [
    "unsupported('qcow2', { place: () => null }, 8, 'backing file', 'base.qcow2')",
    {
      code: 'IMAGE_UNSUPPORTED',
      recoverable: false,
      details: { layer: 'qcow2', byte_offset: null, device_offset: 8, feature: 'backing file' },
    },
  ],
  [
    "limit('dpkg', 'maxEntries', '1000001 packages')",
    {
      code: 'LIMIT_EXCEEDED',
      recoverable: false,
      details: { layer: 'dpkg', limit: 'maxEntries' },
    },
  ],
  [
    "Object.assign(damage('image', { place: () => null }, 0, 'a qcow2 image', 'a vdi image'), { name: 'FormatMismatch' })",
    {
      code: 'IMAGE_FORMAT_MISMATCH',
      recoverable: false,
      details: { expected: 'a qcow2 image', found: 'a vdi image' },
    },
  ],
  ["damage('x', { place: () => null }, 0, 'y'.repeat(1e7), 'z')", { code: 'IMAGE_CORRUPT' }],
  [
    "new TypeError('a mistake of ours')",
    {
      code: 'READER_CRASHED',
      message: expect.stringContaining('a mistake of ours'),
      recoverable: true,
    },
  ],
] as const)('thrown in the child: %s', async ([thrown, expected]) => {
  const { root, path } = await imageOf(randomBytes(10));
  const script = await readerOf(
    `report({ phase: 'inspecting', percent: 70, message: '' }); throw ${thrown};`,
  );
  const error = await failure(await readersOf({ roots: [root], script }), jobOf(path));
  expect(error.toJobError()).toMatchObject({ phase: 'inspecting', ...expected });
  expect(error.message.length).toBeLessThan(3000);
});

/** Reads the first and the last byte until the first is 1; images are zeroes until then. */
const waitForChange = `
  report({ phase: 'reading', percent: 1, message: 'started' });
  for (const byte = new Uint8Array(1); byte[0] !== 1; sources[0].readInto(byte, 0)) {
    sources[0].readInto(byte, sources[0].size - 1);
  }`;

test('an image truncated while it is read: IMAGE_CHANGED', async () => {
  const { root, path } = await imageOf(new Uint8Array(10_000));
  const readers = await readersOf({ roots: [root], script: await readerOf(waitForChange) });
  const job = jobOf(path, { onProgress: () => void truncate(path, 100) });
  const error = await failure(readers, job);
  expect(error).toMatchObject({ code: 'IMAGE_CHANGED', phase: 'reading', recoverable: true });
  expect(error.details).toMatchObject({ layer: 'source', byte_offset: 9999 });
});

test('an image written to while it is read: IMAGE_CHANGED, though every read succeeded', async () => {
  const { root, path } = await imageOf(new Uint8Array(10_000));
  const readers = await readersOf({ roots: [root], script: await readerOf(`${waitForChange} return {};`) });
  const job = jobOf(path, { onProgress: () => void writeFile(path, '\u0001', { flag: 'r+' }) });
  expect(await failure(readers, job)).toMatchObject({ code: 'IMAGE_CHANGED', details: { path } });
});

test('damage in an image that changed meanwhile is told as the change', async () => {
  const { root, path } = await imageOf(new Uint8Array(10_000));
  const script = await readerOf(`${waitForChange} throw damage('ext4', { place: () => null }, 0, 'a', 'b');`);
  const readers = await readersOf({ roots: [root], script });
  const job = jobOf(path, { onProgress: () => void writeFile(path, '\u0001', { flag: 'r+' }) });
  expect((await failure(readers, job)).code).toBe('IMAGE_CHANGED');
});

test('a checksum that matches is given with the result, in any case of letters', async () => {
  const bytes = randomBytes(5_000_000);
  const { root, path } = await imageOf(bytes);
  const readers = await readersOf({ roots: [root], script: await readerOf('return {};') });
  const images = [{ path, sha256: sha256(bytes).toUpperCase() }, { path }];
  const reading = await readImages(readers, jobOf(path, { images }));
  expect(reading.images.map((image) => image.sha256)).toEqual([sha256(bytes), null]);
  expect(reading.statistics.bytesRead).toBe(0);
});

test('a file that gives fewer bytes than it says cannot be verified, and has no result', async () => {
  // Of a sysfs attribute fstat says a page, whatever it holds.
  const path = '/sys/kernel/fscaps';
  const readers = await readersOf({ roots: ['/sys/kernel'], script: await readerOf('return {};') });
  const job = jobOf(path, { images: [{ path, sha256: sha256(Buffer.alloc(0)) }] });
  expect(await failure(readers, job)).toMatchObject({ code: 'IMAGE_CHANGED', phase: 'reading' });
});

test.for(['return {};', "throw damage('ext4', { place: () => null }, 0, 'a', 'b');", 'for (;;);'])(
  'a checksum that does not match is the error, whatever the child says: %s',
  async (body) => {
    const bytes = randomBytes(5_000_000);
    const { root, path } = await imageOf(bytes);
    const readers = await readersOf({ roots: [root], script: await readerOf(body) });
    const expected = sha256(bytes.subarray(1));
    const error = await failure(readers, jobOf(path, { images: [{ path, sha256: expected }] }));
    expect(error.toJobError()).toMatchObject({
      code: 'IMAGE_CHECKSUM_MISMATCH',
      phase: 'validation',
      recoverable: false,
      details: { expected, actual: sha256(bytes) },
    });
  },
);

test('a file of another size than stated is refused before it is read', async () => {
  const { root, path } = await imageOf(randomBytes(100));
  const readers = await readersOf({ roots: [root], script: await readerOf('return {};') });
  await readImages(readers, jobOf(path, { images: [{ path, size: 100 }] }));
  expect(await failure(readers, jobOf(path, { images: [{ path, size: 0 }] }))).toMatchObject({
    code: 'IMAGE_CHECKSUM_MISMATCH',
    phase: 'validation',
    details: { expected_size_bytes: 0, actual_size_bytes: 100 },
  });
});

test('eight at once, each with its own bytes; then nothing is left', async () => {
  const { root, path } = await imageOf(randomBytes(10));
  const temporary = await scratch();
  vi.stubEnv('TMPDIR', temporary);
  onTestFinished(() => void vi.unstubAllEnvs());
  const readers = await readersOf({ roots: [root], script: await readerOf(hashSources) });
  await Promise.all(
    Array.from({ length: 8 }, async (_, i) => {
      const bytes = randomBytes(300_000 + i);
      await writeFile(`${path}.${i}`, bytes);
      const { inspection } = await readImages(readers, jobOf(`${path}.${i}`));
      expect(inspection).toEqual({ sha256: [sha256(bytes)] });
    }),
  );
  await readers.close();
  expect(children()).toEqual([]);
  expect(openDescriptors(root)).toEqual([]);
  expect((await readdir(temporary)).filter((name) => name.startsWith('disklane-pipes-'))).toEqual([]);
});

test('a job that hangs holds no other up', async () => {
  const { root, path } = await imageOf(randomBytes(10));
  const script = await readerOf(
    `report({ phase: 'reading', percent: 0, message: '' });
     if (request.images[0].format === 'raw') for (;;);
     return {};`,
  );
  const readers = await readersOf({ roots: [root], script });
  const abort = new AbortController();
  const hang = { ...request, images: [{ format: 'raw' as const }] };
  const hanging = failure(readers, jobOf(path, { request: hang, signal: abort.signal }));
  await readImages(readers, jobOf(path));
  abort.abort();
  expect((await hanging).code).toBe('CANCELLED');
});

test('a missing second image closes the first', async () => {
  const { root, path } = await imageOf(randomBytes(10));
  const readers = await readersOf({ roots: [root], script: await readerOf('return {};') });
  const images = [{ path }, { path: `${path}.missing` }];
  expect((await failure(readers, jobOf(path, { images }))).code).toBe('IMAGE_NOT_FOUND');
  await readers.close();
  expect(openDescriptors(root)).toEqual([]);
});

test('a child that cannot be started is a crash that a retry may mend', async () => {
  const { root, path } = await imageOf(randomBytes(10));
  const readers = await readersOf({ roots: [root], script: await readerOf('return {};') });
  await readImages(readers, jobOf(path));
  vi.stubEnv('TMPDIR', join(root, 'missing'));
  onTestFinished(() => void vi.unstubAllEnvs());
  const [first, second] = await Promise.allSettled([
    readImages(readers, jobOf(path)),
    readImages(readers, jobOf(path)),
  ]);
  const failed = [first, second].flatMap((settled) =>
    settled.status === 'rejected' ? [settled.reason] : [],
  );
  expect(failed[0]).toMatchObject({
    code: 'READER_CRASHED',
    recoverable: true,
    message: expect.stringContaining('cannot be started'),
  });
  expect(openDescriptors(path)).toEqual([]);
});

test('a result larger than is taken is that limit, not a crash', async () => {
  const { root, path } = await imageOf(randomBytes(1000));
  const script = await readerOf("return { text: 'x'.repeat(49 * 1024 ** 2) };");
  const readers = await readersOf({ roots: [root], script, memoryBytes: 1024 ** 3 });
  const error = await failure(readers, jobOf(path));
  expect(error.toJobError()).toMatchObject({
    code: 'LIMIT_EXCEEDED',
    message: expect.stringContaining('maxResultLength'),
  });
});
