import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { BlockCache } from '../../../../disk/cache.ts';
import { read } from '../../../../disk/device.ts';
import { DiskError } from '../../../../disk/error.ts';
import { openImage } from '../../../../disk/formats/image.ts';
import { defaultLimits } from '../../../../disk/limits.ts';
import { run } from '../../../support/run.ts';
import { scratch } from '../../../support/scratch.ts';
import { diskError, openFile, RecordingSource } from '../../support/images.ts';

const CLUSTER = 65536;
const images = new Map<string, Buffer>();

/** A 4 MiB disk of 16 random clusters, then 16 of text, in images made by qemu-img. */
async function make(folder: string, name: string, ...options: string[]): Promise<void> {
  const path = join(folder, name);
  await run('qemu-img', ['convert', '-O', 'qcow2', ...options, join(folder, 'source'), path]);
  images.set(name, await readFile(path));
}

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'disklane-test-'));
  const parts = [
    randomBytes(16 * CLUSTER),
    Buffer.alloc(16 * CLUSTER, 'some text '),
    Buffer.alloc(32 * CLUSTER),
  ];
  await writeFile(join(folder, 'source'), Buffer.concat(parts));
  await make(folder, 'plain');
  await make(folder, 'v2', '-o', 'compat=0.10');
  await make(folder, 'zlib', '-c');
  await make(folder, 'zstd', '-c', '-o', 'compression_type=zstd');
  await make(folder, 'extended', '-o', 'extended_l2=on');
  await rm(folder, { recursive: true });
});

/** An image with some bytes replaced. */
function patched(name: string, patch: (bytes: Buffer, l1: number, l2: number) => Buffer | undefined): Buffer {
  const bytes = Buffer.from(images.get(name) ?? '');
  const l1 = Number(bytes.readBigUInt64BE(40));
  const l2 = Number(bytes.readBigUInt64BE(l1) & 0x00fffffffffffe00n);
  return patch(bytes, l1, l2) ?? bytes;
}

const open = (bytes: Uint8Array) =>
  openImage(new BlockCache(defaultLimits).wrap(new RecordingSource(bytes)), 0, 'qcow2', defaultLimits).device;

const u64 = (value: number | bigint) => BigInt(value);

describe('refused when it is opened, with the byte that is wrong', () => {
  const cases: [string, string, (b: Buffer, l1: number, l2: number) => Buffer | undefined, number][] = [
    ['a header cut short', 'plain', (b) => b.subarray(0, 71), 71],
    ['a version 3 header cut short', 'plain', (b) => b.subarray(0, 80), 80],
    ['only the magic', 'plain', (b) => b.subarray(0, 4), 4],
    ['cluster_bits 8', 'plain', (b) => void b.writeUInt32BE(8, 20), 20],
    ['cluster_bits 22', 'plain', (b) => void b.writeUInt32BE(22, 20), 20],
    ['cluster_bits 0xffffffff', 'plain', (b) => void b.writeUInt32BE(0xffffffff, 20), 20],
    ['extended L2 entries in small clusters', 'extended', (b) => void b.writeUInt32BE(13, 20), 20],
    ['a size of 2^63', 'plain', (b) => void b.writeBigUInt64BE(u64(2n ** 63n), 24), 24],
    ['an L1 table too short for the size', 'plain', (b) => void b.writeUInt32BE(0, 36), 36],
    ['an L1 table of 34 GB', 'plain', (b) => void b.writeUInt32BE(0xffffffff, 36), 36],
    ['an L1 table in the header', 'plain', (b) => void b.writeBigUInt64BE(0n, 40), 40],
    ['an unaligned L1 table', 'plain', (b, l1) => void b.writeBigUInt64BE(u64(l1 + 8), 40), 40],
    ['an L1 table past the end', 'plain', (b) => void b.writeBigUInt64BE(u64(2 ** 40), 40), 40],
    ['an L1 table at 2^64 - 65536', 'plain', (b) => void b.writeBigUInt64BE(2n ** 64n - 65536n, 40), 40],
    ['refcount_order 7', 'plain', (b) => void b.writeUInt32BE(7, 96), 96],
    ['header_length 96', 'plain', (b) => void b.writeUInt32BE(96, 100), 100],
    ['header_length 108', 'plain', (b) => void b.writeUInt32BE(108, 100), 100],
    ['header_length beyond the cluster', 'plain', (b) => void b.writeUInt32BE(0xfffffff8, 100), 100],
    ['zstd without its feature bit', 'zstd', (b) => void b.writeUInt32BE(0, 76), 104],
    ['its feature bit without zstd', 'plain', (b) => void b.writeUInt32BE(8, 76), 104],
    ['a file cut before its L1 table', 'plain', (b, l1) => b.subarray(0, l1), 40],
  ];
  test.each(cases)('%s', (_, name, patch, at) => {
    const error = diskError(() => open(patched(name, patch)));
    expect(error).toMatchObject({ kind: 'damage', layer: 'qcow2', at, image: { source: 0, offset: at } });
  });

  const l1Cases: [string, (b: Buffer, l1: number, l2: number) => Buffer | undefined][] = [
    ['a file cut before its L2 table', (b, _, l2) => b.subarray(0, l2)],
    ['a file cut within its L2 table', (b, _, l2) => b.subarray(0, l2 + 4096)],
    ['an L2 table past the end', (b, l1) => void b.writeBigUInt64BE(u64(2 ** 40), l1)],
    ['an L2 table at 2^56 - 65536', (b, l1) => void b.writeBigUInt64BE(2n ** 56n - 65536n, l1)],
    ['an unaligned L2 table', (b, l1, l2) => void b.writeBigUInt64BE(u64(l2 + 512), l1)],
    ['reserved bits in the L1 table', (b, l1, l2) => void b.writeBigUInt64BE(u64(l2) | (1n << 60n), l1)],
    ['an L1 entry that points at the L1 table', (b, l1) => void b.writeBigUInt64BE(u64(l1), l1)],
  ];
  test.each(l1Cases)('%s', (_, patch) => {
    const bytes = patched('plain', patch);
    const error = diskError(() => open(bytes));
    const l1 = Number(bytes.readBigUInt64BE(40));
    expect(error).toMatchObject({ kind: 'damage', layer: 'qcow2', at: l1, image: { source: 0, offset: l1 } });
  });
});

describe('damage of a cluster shows when that cluster is read, and only then', () => {
  const entry = 5;
  type Case = [string, string, (b: Buffer, l1: number, l2: number) => void];
  const cases: Case[] = [
    ['an unaligned cluster', 'plain', (b, _, l2) => b.writeBigUInt64BE(u64(l2 + 512), l2 + 40)],
    ['a cluster past the end', 'plain', (b, _, l2) => b.writeBigUInt64BE(u64(2 ** 41), l2 + 40)],
    ['reserved bits', 'plain', (b, _, l2) => b.writeUInt8(b.readUInt8(l2 + 47) | 4, l2 + 47)],
    ['the zero bit in version 2', 'v2', (b, _, l2) => b.writeUInt8(b.readUInt8(l2 + 47) | 1, l2 + 47)],
    ['a cluster that is its L2 table', 'plain', (b, _, l2) => b.writeBigUInt64BE(u64(l2), l2 + 40)],
    ['a cluster that is the L1 table', 'plain', (b, l1, l2) => b.writeBigUInt64BE(u64(l1), l2 + 40)],
    [
      'compressed data past the end',
      'zlib',
      (b, _, l2) => b.writeBigUInt64BE((1n << 62n) + (1n << 40n), l2 + 40),
    ],
    ['compressed data in the header', 'plain', (b, _, l2) => b.writeBigUInt64BE((1n << 62n) + 512n, l2 + 40)],
  ];
  test.each(cases)('%s', (_, name, patch) => {
    const bytes = patched(name, (b, l1, l2) => {
      patch(b, l1, l2);
      return b;
    });
    const l1 = Number(bytes.readBigUInt64BE(40));
    const l2 = Number(bytes.readBigUInt64BE(l1) & 0x00fffffffffffe00n);
    const device = open(bytes);
    const error = diskError(() => read(device, entry * CLUSTER + 100, 1));
    expect(error).toMatchObject({ kind: 'damage', layer: 'qcow2', image: { offset: l2 + entry * 8 } });
    expect(device.place(entry * CLUSTER)).toBeNull();
    device.prefetch([{ offset: 0, length: device.size }]);
    const intact = read(open(Buffer.from(images.get(name) ?? '')), 0, entry * CLUSTER);
    expect(Buffer.compare(read(device, 0, entry * CLUSTER), intact)).toBe(0);
  });

  test.each([
    ['both allocated and zero', 0x0000_0001_0000_0001n],
    ['zero and allocated, the last', 0x8000_0000_8000_0000n],
  ])('subclusters %s', (_, bitmap) => {
    let at = 0;
    const device = open(
      patched('extended', (b, _, l2) => {
        at = l2 + entry * 16 + 8;
        b.writeBigUInt64BE(bitmap, at);
        return b;
      }),
    );
    expect(diskError(() => read(device, entry * CLUSTER, 1))).toMatchObject({ image: { offset: at } });
  });

  test('subclusters of a cluster that is not there', () => {
    let at = 0;
    const device = open(
      patched('extended', (b, _, l2) => {
        at = l2 + entry * 16;
        b.writeBigUInt64BE(0n, at);
        return b;
      }),
    );
    expect(diskError(() => read(device, entry * CLUSTER, 1))).toMatchObject({ image: { offset: at + 8 } });
  });

  test.each(['zlib', 'zstd'])('%s data that does not decompress', (name) => {
    let at = 0;
    const device = open(
      patched(name, (b, _, l2) => {
        // Cluster 20 is text, so it is compressed; 16 offset bits at least lie below the sector count.
        at = Number(b.readBigUInt64BE(l2 + 20 * 8) & ((1n << 54n) - 1n));
        b.fill(0xff, at, at + 16);
        return b;
      }),
    );
    const error = diskError(() => read(device, 20 * CLUSTER, 1));
    expect(error).toMatchObject({ kind: 'damage', image: { source: 0, offset: at } });
    expect(error.expected).toContain(`a ${name} stream of 65536 bytes`);
  });
});

describe('a file cut after its tables', () => {
  const bytes = () => patched('plain', () => undefined);
  const placeOf = (cluster: number) => open(bytes()).place(cluster * CLUSTER)?.offset ?? 0;

  test.each(['plain', 'v2', 'extended', 'zlib', 'zstd'])('is refused when it is opened: %s', (name) => {
    const whole = patched(name, () => undefined);
    const cut = whole.subarray(0, Math.floor((whole.length * 0.7) / CLUSTER) * CLUSTER);
    const error = diskError(() => open(cut));
    expect(error).toMatchObject({ kind: 'damage', layer: 'qcow2' });
    expect(error.expected).toMatch(/inside the file/);
    // The place is the table's entry, which names a cluster behind the end.
    const entry = whole.readBigUInt64BE(error.image?.offset ?? 0) & ((1n << 54n) - 1n);
    expect(Number(entry)).toBeGreaterThanOrEqual(cut.length);
  });

  test.each([1, 2, 4, 8, 32, 64])('with refcounts of %i bits', async (bits) => {
    const folder = await scratch();
    const path = join(folder, 'image');
    await writeFile(join(folder, 'source'), randomBytes(16 * CLUSTER));
    const options = `cluster_size=4k,refcount_bits=${bits}`;
    await run('qemu-img', ['convert', '-O', 'qcow2', '-o', options, join(folder, 'source'), path]);
    const whole = await readFile(path);
    expect(open(whole).size).toBe(16 * CLUSTER);
    expect(diskError(() => open(whole.subarray(0, whole.length - 50_000)))).toMatchObject({ kind: 'damage' });
  });

  test('is damage at the first cluster that is gone, where the refcounts do not tell', () => {
    const at = placeOf(12);
    const unknown = bytes();
    unknown.writeUInt32BE(0, 56);
    const cut = open(unknown.subarray(0, at));
    expect(read(cut, 0, 12 * CLUSTER)).toHaveLength(12 * CLUSTER);
    expect(diskError(() => read(cut, 12 * CLUSTER, 1))).toMatchObject({ kind: 'damage' });
  });

  test('within its last cluster is filled up with zeroes, as qemu does', () => {
    const whole = bytes();
    const last = 31;
    const at = placeOf(last);
    expect(at).toBe(whole.length - CLUSTER);
    const part = read(open(whole.subarray(0, at + 1000)), last * CLUSTER, CLUSTER);
    expect(Buffer.from(part.subarray(0, 1000)).equals(whole.subarray(at, at + 1000))).toBe(true);
    expect(part.subarray(1000).every((byte) => byte === 0)).toBe(true);
  });

  test('refcounts of clusters that nothing uses, as after a crash, refuse nothing', () => {
    const leaking = bytes();
    const block = Number(leaking.readBigUInt64BE(Number(leaking.readBigUInt64BE(48))));
    leaking.writeUInt16BE(1, block + 5000);
    expect(read(open(leaking), 0, 32 * CLUSTER)).toHaveLength(32 * CLUSTER);
  });
});

test('the corrupt bit is read with a note', async () => {
  const path = join(await scratch(), 'image');
  await writeFile(
    path,
    patched('plain', (b) => void b.writeUInt32BE(2, 76)),
  );
  expect(openFile(path).notes.map(({ code }) => code)).toEqual(['IMAGE_MARKED_CORRUPT']);
});

test('a snapshot table that leads nowhere does not hinder the active state', async () => {
  const path = join(await scratch(), 'image');
  const offsets = [2n ** 63n, 2n ** 40n, 0n, 1n];
  for (const offset of offsets) {
    await writeFile(
      path,
      patched('plain', (b) => {
        b.writeUInt32BE(0xffffffff, 60);
        b.writeBigUInt64BE(offset, 64);
        return b;
      }),
    );
    const { notes, device } = openFile(path);
    expect(notes.map(({ code }) => code)).toEqual(['IMAGE_SNAPSHOTS']);
    expect(notes[0]?.message.length).toBeLessThan(10_000);
    expect(read(device, 0, 1)).toHaveLength(1);
  }
});

test('any few bytes changed in header or tables give bytes or a DiskError, and bounded work', () => {
  let random = 12345;
  const next = (below: number) => {
    random = (random * 1103515245 + 12345) % 2 ** 31;
    return random % below;
  };
  let refused = 0;
  // Changed in place and put back: copying whole images would be most of the work.
  const all = [...images.keys()].map((name) => patched(name, () => undefined));
  for (let round = 0; round < 2000; round++) {
    const bytes = all[round % all.length] ?? Buffer.alloc(0);
    const l1 = Number(bytes.readBigUInt64BE(40));
    const l2 = Number(bytes.readBigUInt64BE(l1) & 0x00fffffffffffe00n);
    const undo: [number, number][] = [];
    for (let changes = 1 + next(4); changes > 0; changes--) {
      const at = [next(112), l1 + next(16), l2 + next(1024)][next(3)] ?? 0;
      undo.unshift([bytes.readUInt8(at), at]);
      bytes.writeUInt8([next(256), 0, 255, 1 << next(8)][next(4)] ?? 0, at);
    }
    try {
      const device = open(bytes);
      for (let at = 0; at < Math.min(device.size, 70 * CLUSTER); at += 3 * CLUSTER) {
        read(device, at, Math.min(16, device.size - at));
      }
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      refused++;
    }
    for (const [value, at] of undo) bytes.writeUInt8(value, at);
  }
  expect(refused).toBeGreaterThan(200);
});
