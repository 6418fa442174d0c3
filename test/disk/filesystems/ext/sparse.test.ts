import { spawnSync } from 'node:child_process';
import { closeSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { read } from '../../../../disk/device.ts';
import { openExt } from '../../../../disk/filesystems/ext/ext.ts';
import { defaultLimits } from '../../../../disk/limits.ts';
import { name } from '../../../../disk/name.ts';
import { FileDevice } from '../../../support/file-device.ts';
import { run } from '../../../support/run.ts';
import { scratch } from '../../../support/scratch.ts';
import { canMount, mounted } from './support/mount.ts';
import { noise } from './support/populate.ts';

const GiB = 1024 ** 3;
const size = 5 * GiB + 12_345;
/** Where something is written: at the start, past 2 and 4 GiB, and up to the last byte. */
const offsets = [0, 2 * GiB - 100, 4 * GiB + 4096, size - 5000];

const kinds = [
  { name: 'extents, 4 KiB blocks', mkfs: ['-t', 'ext4', '-b', '4096'] },
  { name: 'extents, 1 KiB blocks', mkfs: ['-t', 'ext4', '-b', '1024'] },
  { name: 'block map, 4 KiB blocks', mkfs: ['-t', 'ext3', '-b', '4096'] },
  { name: 'block map, 1 KiB blocks', mkfs: ['-t', 'ext2', '-b', '1024'] },
];

test.for(kinds)('a sparse file of 5 GB: $name', async ({ mkfs }) => {
  const folder = await scratch();
  const from = join(folder, 'from');
  mkdirSync(from);
  const fd = openSync(join(from, 'sparse'), 'w+');
  offsets.forEach((offset, i) => {
    writeSync(fd, noise(5000, i), 0, 5000, offset);
  });
  const image = join(folder, 'image');
  await run('mke2fs', ['-q', '-F', ...mkfs, '-d', from, image, '32M']);

  const fs = openExt(new FileDevice(image), defaultLimits);
  const file = fs.open(fs.lookup(2, name('sparse')) ?? 0);
  expect(file.size).toBe(size);
  for (const offset of [...offsets, ...offsets.map((at) => at - 3000), 3 * GiB, size - 8192]) {
    const from = Math.max(0, offset);
    const length = Math.min(8192, size - from);
    const wanted = Buffer.alloc(length);
    readSync(fd, wanted, 0, length, from);
    expect(wanted.equals(read(file, from, length)), `at ${from}`).toBe(true);
  }
  closeSync(fd);

  const extents = [...file.extents(0, size)];
  let next = 0;
  for (const extent of extents) {
    expect(extent.offset).toBe(next);
    next += extent.length;
  }
  expect(next).toBe(size);
  const data = extents.filter(({ kind }) => kind === 'data').reduce((sum, { length }) => sum + length, 0);
  expect(data).toBeLessThan(64 * 1024);
  expect(file.place(GiB)).toBe(null);
  const place = file.place(offsets[1] ?? 0);
  const stored = Buffer.alloc(100);
  const raw = openSync(image, 'r');
  readSync(raw, stored, 0, 100, place?.offset ?? 0);
  closeSync(raw);
  expect(stored.equals(noise(5000, 1).subarray(0, 100))).toBe(true);
  expect(() => read(file, size - 10, 11)).toThrow(expect.objectContaining({ kind: 'io' }));
});

test.skipIf(!canMount)(
  'unwritten extents are zeroes and say so; contiguous blocks are read at once',
  async () => {
    const image = join(await scratch(), 'image');
    await run('mke2fs', ['-q', '-F', '-t', 'ext4', '-b', '4096', image, '64M']);
    await mounted(image, '', (at) => {
      const fd = openSync(join(at, 'file'), 'w');
      spawnSync('fallocate', ['-l', '4M', join(at, 'file')]);
      writeSync(fd, noise(1_000_000, 1), 0, 1_000_000, 1024 * 1024);
      ftruncateSync(fd, 8 * 1024 * 1024);
      fsyncSync(fd);
      closeSync(fd);
    });
    const device = new FileDevice(image);
    const fs = openExt(device, defaultLimits);
    const file = fs.open(fs.lookup(2, name('file')) ?? 0);
    const kinds = [...file.extents(0, file.size)].map(({ kind }) => kind);
    expect(kinds.filter((kind, i) => kind !== kinds[i - 1])).toEqual(['zero', 'data', 'zero', 'hole']);
    const before = device.reads;
    const all = Buffer.from(read(file, 0, file.size));
    expect(device.reads - before).toBeLessThan(4);
    expect(all.subarray(1024 * 1024, 1024 * 1024 + 1_000_000).equals(noise(1_000_000, 1))).toBe(true);
    expect(all.subarray(0, 1024 * 1024).every((byte) => byte === 0)).toBe(true);
    expect(all.subarray(1024 * 1024 + 1_000_000).every((byte) => byte === 0)).toBe(true);
  },
);
