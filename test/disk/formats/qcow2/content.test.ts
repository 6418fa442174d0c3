import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type BlockDevice, read } from '../../../../disk/device.ts';
import { run } from '../../../support/run.ts';
import { scratch } from '../../../support/scratch.ts';
import { openFile } from '../../support/images.ts';

const MiB = 1024 ** 2;

/** One entry of `qemu-img map --output=json`. */
type Mapped = {
  start: number;
  length: number;
  data: boolean;
  zero: boolean;
  present: boolean;
  offset?: number;
};

const qemuIo = (image: string, ...commands: string[]) =>
  run('qemu-io', ['-f', 'qcow2', ...commands.flatMap((command) => ['-c', command]), image]);

/** The same bytes as `qemu-img convert` gives, and the same allocation as `qemu-img map`. */
async function expectSameAsQemu(image: string): Promise<void> {
  await run('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', image, `${image}.raw`]);
  const { device, format } = openFile(image);
  expect(format).toBe('qcow2');
  const expected = await readFile(`${image}.raw`);
  expect(device.size).toBe(expected.length);
  // Pieces that fit no cluster, so that runs begin and end anywhere.
  for (let at = 0; at < device.size; at += 777_777) {
    const length = Math.min(777_777, device.size - at);
    const differs = Buffer.compare(read(device, at, length), expected.subarray(at, at + length)) !== 0;
    if (differs) throw new Error(`content differs between ${at} and ${at + length}`);
  }
  const map = await run('qemu-img', ['map', '-f', 'qcow2', '--output=json', image]);
  expectSameMap(device, JSON.parse(map.toString()));
}

function expectSameMap(device: BlockDevice, mapped: readonly Mapped[]): void {
  const merged: { offset: number; length: number; kind: string }[] = [];
  const add = (offset: number, length: number, kind: string) => {
    const last = merged.at(-1);
    if (last?.kind === kind && last.offset + last.length === offset) last.length += length;
    else merged.push({ offset, length, kind });
  };
  for (const { offset, length, kind } of device.extents(0, device.size)) add(offset, length, kind);
  const ours = merged.splice(0);
  for (const { start, length, data, present } of mapped) {
    add(start, length, data ? 'data' : present ? 'zero' : 'hole');
  }
  expect(ours).toEqual(merged);
  for (const { start, length, data, offset } of mapped) {
    const place = data && offset !== undefined ? { source: 0, offset } : null;
    expect(device.place(start)).toEqual(place);
    if (place !== null) {
      expect(device.place(start + length - 1)).toEqual({ source: 0, offset: place.offset + length - 1 });
    }
  }
}

/** A disk with random, repetitive and empty parts, its size a multiple of no cluster size but 512. */
async function source(folder: string): Promise<string> {
  const path = join(folder, 'source');
  const text = Buffer.alloc(2 * MiB, 'The quick brown fox jumps over the lazy dog. ');
  const parts = [
    randomBytes(MiB),
    Buffer.alloc(3 * MiB),
    text,
    randomBytes(100_352),
    Buffer.alloc(MiB + 512),
  ];
  await writeFile(path, Buffer.concat([...parts, randomBytes(512)]));
  return path;
}

const layouts = [
  'compat=0.10',
  'compat=0.10,cluster_size=512',
  'compat=0.10,cluster_size=2M',
  'compat=1.1',
  'compat=1.1,cluster_size=512',
  'compat=1.1,cluster_size=4k',
  'compat=1.1,cluster_size=2M',
  'compat=1.1,refcount_bits=1',
  'compat=1.1,refcount_bits=64',
  'compat=1.1,lazy_refcounts=on',
  'compat=1.1,preallocation=metadata',
  'compat=1.1,preallocation=falloc',
  'compat=1.1,preallocation=full,cluster_size=4k',
  'compat=1.1,extended_l2=on,cluster_size=16k',
  'compat=1.1,extended_l2=on',
  'compat=1.1,extended_l2=on,cluster_size=2M',
  'compat=1.1,extended_l2=on,preallocation=metadata',
];

test.each(layouts)('converted with %s', async (options) => {
  const folder = await scratch();
  const image = join(folder, 'image');
  await run('qemu-img', ['convert', '-O', 'qcow2', '-o', options, await source(folder), image]);
  await expectSameAsQemu(image);
});

const compressions = ['zlib', 'zstd'].flatMap((type) =>
  ['512', '4k', '64k', '2M'].map((size) => `compression_type=${type},cluster_size=${size}`),
);

test.each([...compressions, 'compression_type=zstd,extended_l2=on', 'compat=0.10'])(
  'compressed with %s',
  async (options) => {
    const folder = await scratch();
    const image = join(folder, 'image');
    await run('qemu-img', ['convert', '-c', '-O', 'qcow2', '-o', options, await source(folder), image]);
    await expectSameAsQemu(image);
  },
);

describe('written piece by piece', () => {
  const kinds = ['compat=0.10', 'cluster_size=64k', 'cluster_size=512', 'extended_l2=on,cluster_size=128k'];

  test.each(kinds)('data, zeroes, discards, compressed clusters: %s', async (options) => {
    const image = join(await scratch(), 'image');
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', options, image, '40M']);
    await qemuIo(
      image,
      'write -P 0x11 0 1M',
      'write -P 0x12 3M 5k',
      'write -P 0x13 3080k 12k',
      'write -z 256k 128k',
      'write -z -u 512k 256k',
      'write -z 3076k 4k',
      'write -z 10M 1M',
      'write -P 0x14 11M 2M',
      'discard 12M 512k',
      'write -c -P 0x15 20M 128k',
      'write -c -P 0x16 20608k 128k',
      'write -P 0x17 20M 2k',
      'write -P 0x18 41942528 512',
    );
    await expectSameAsQemu(image);
  });

  test('clusters in an order of their own', async () => {
    const image = join(await scratch(), 'image');
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', 'cluster_size=4k', image, '4M']);
    const order = Array.from({ length: 200 }, (_, index) => (index * 77) % 1000);
    await qemuIo(image, ...order.map((cluster, index) => `write -P ${index + 1} ${cluster * 4}k 4k`));
    await expectSameAsQemu(image);
  });
});

test('after internal snapshots the active state is read, and the snapshots are named', async () => {
  const image = join(await scratch(), 'image');
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', image, '8M']);
  await qemuIo(image, 'write -P 1 0 2M');
  await run('qemu-img', ['snapshot', '-c', 'before "update"', image]);
  await qemuIo(image, 'write -P 2 1M 2M');
  await run('qemu-img', ['snapshot', '-c', 'second', image]);
  await qemuIo(image, 'write -P 3 4M 64k');
  await expectSameAsQemu(image);
  expect(openFile(image).notes).toEqual([
    {
      code: 'IMAGE_SNAPSHOTS',
      message: 'the active state is read, not its 2 internal snapshots: "before \\"update\\"", "second"',
    },
  ]);
});

test('an image in use, its dirty bit set, is read with a note', async () => {
  const image = join(await scratch(), 'image');
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', 'lazy_refcounts=on', image, '8M']);
  // Ends without closing the image, as a killed qemu would.
  await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 9 1M 1M', '-c', 'flush', '-c', 'abort', image]).catch(
    () => undefined,
  );
  const { device, notes } = openFile(image);
  expect(notes.map(({ code }) => code)).toEqual(['IMAGE_DIRTY']);
  expect(Buffer.from(read(device, MiB, MiB)).equals(Buffer.alloc(MiB, 9))).toBe(true);
});

test('a resized image, larger and smaller', async () => {
  const image = join(await scratch(), 'image');
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', 'cluster_size=512', image, '1M']);
  await qemuIo(image, 'write -P 7 0 1M');
  await run('qemu-img', ['resize', '-q', image, '9M']);
  await expectSameAsQemu(image);
  await run('qemu-img', ['resize', '-q', '--shrink', image, '100k']);
  await expectSameAsQemu(image);
});

test('an empty disk of 60 TiB costs next to nothing', async () => {
  const image = join(await scratch(), 'image');
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', image, '60T']);
  await qemuIo(image, 'write -P 5 50T 64k');
  const { device } = openFile(image);
  expect(device.size).toBe(60 * 1024 ** 4);
  expect(read(device, 50 * 1024 ** 4 + 65535, 2)).toEqual(new Uint8Array([5, 0]));
  const data = [...device.extents(0, device.size)].filter(({ kind }) => kind === 'data');
  expect(data).toEqual([{ offset: 50 * 1024 ** 4, length: 65536, kind: 'data' }]);
});

test('a disk of no bytes', async () => {
  const image = join(await scratch(), 'image');
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', image, '0']);
  const { device } = openFile(image);
  expect([device.size, [...device.extents(0, 0)]]).toEqual([0, []]);
});
