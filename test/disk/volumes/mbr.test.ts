import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { defaultLimits } from '../../../disk/limits.ts';
import { readTable } from '../../../disk/volumes/table.ts';
import { run } from '../../support/run.ts';
import { openFile } from '../support/images.ts';
import { disk, type Listed, MiB, partition, patch } from '../support/tables.ts';

const table = (path: string, limits = defaultLimits) => readTable(openFile(path, 'raw').device, limits);

/** Our partitions in sfdisk's terms. */
function listed(path: string): { kind: string; sectorSize: number; partitions: Partial<Listed>[] } {
  const { kind, sectorSize, partitions } = table(path);
  return {
    kind,
    sectorSize,
    partitions: partitions.map(({ number, startBytes, sizeBytes, type, flags }) => ({
      node: `${path}${number}`,
      start: startBytes / sectorSize,
      size: sizeBytes / sectorSize,
      type: Number(type).toString(16),
      ...(flags.includes('boot') ? { bootable: true } : {}),
    })),
  };
}

/** One entry of a boot record; the places in cylinders, heads and sectors are left out. */
function entry(type: number, start: number, sectors: number): Buffer {
  const b = Buffer.alloc(16);
  b.writeUInt8(type, 4);
  b.writeUInt32LE(start, 8);
  b.writeUInt32LE(sectors, 12);
  return b;
}

const primary = 'label: dos\nlabel-id: 0xdeadbeef\n,20M,83,*\n,10M,82\n';
const extended = `${primary},,5\n,4M,83\n,5M,83\n,6M,b\n,7M,8e\n`;

test('primary partitions, with flags and PARTUUIDs', async () => {
  const path = await disk(100 * MiB);
  const expected = await partition(path, `${primary},1M,ef\n,,7\n`);
  expect(listed(path)).toEqual({ kind: 'mbr', sectorSize: 512, partitions: expected });
  const { partitions } = table(path);
  expect(partitions.map(({ uuid }) => uuid)).toEqual([1, 2, 3, 4].map((n) => `deadbeef-0${n}`));
  expect(partitions.map(({ flags }) => flags)).toEqual([['boot'], [], ['efi_system'], []]);
});

test('logical partitions from 5 on', async () => {
  const path = await disk(100 * MiB);
  const expected = await partition(path, extended);
  expect(listed(path).partitions).toEqual(expected);
  expect(expected.map(({ node }) => node.slice(path.length))).toEqual(['1', '2', '3', '5', '6', '7', '8']);
  expect(table(path).partitions[2]).toMatchObject({ number: 3, flags: ['extended'], problem: null });
});

test('a slot left empty keeps its number', async () => {
  const path = await disk(100 * MiB);
  await partition(path, `${primary},10M,83\n`);
  await run('sfdisk', ['-q', '--delete', path, '2']);
  expect(table(path).partitions.map(({ number }) => number)).toEqual([1, 3]);
});

test('4096-byte sectors, told by what the partitions hold', async () => {
  const path = await disk(100 * MiB);
  const expected = await partition(path, 'label: dos\n,20M,83\n,,5\n,4M,83\n,5M,83\n', 4096);
  await run('mke2fs', ['-q', '-E', `offset=${(expected[0]?.start ?? 0) * 4096}`, path, '20M']);
  const found = listed(path);
  expect(found.sectorSize).toBe(4096);
  expect(found.partitions.map(({ start, size }) => [start, size])).toEqual(
    expected.map(({ start, size }) => [start, size]),
  );
});

test('a chain of extended boot records that comes back ends, and damages the container only', async () => {
  const path = await disk(100 * MiB);
  const expected = await partition(path, extended);
  const container = (expected[2]?.start ?? 0) * 512;
  // The second record is reached again from the third.
  const bytes = await readFile(path);
  const second = bytes.readUInt32LE(container + 446 + 16 + 8);
  const third = container + bytes.readUInt32LE(container + second * 512 + 446 + 16 + 8) * 512;
  await patch(path, third + 446 + 16, entry(5, second, 100));
  const { partitions } = table(path);
  expect(partitions.map(({ number }) => number)).toEqual([1, 2, 3, 5, 6, 7]);
  expect(partitions.filter(({ problem }) => problem !== null).map(({ number }) => number)).toEqual([3]);
  expect(partitions[2]?.problem).toMatchObject({
    kind: 'damage',
    layer: 'mbr',
    at: container + second * 512,
  });
});

test('a record that points at itself, outside the disk, or at no record', async () => {
  for (const [link, at] of [
    [0, 'container'],
    [0xfffffff0, 'outside'],
    [4000, 'nothing'],
  ] as const) {
    const path = await disk(100 * MiB);
    const expected = await partition(path, extended);
    const container = (expected[2]?.start ?? 0) * 512;
    await patch(path, container + 446 + 16, entry(5, link, 100));
    const { partitions } = table(path);
    expect(partitions.map(({ number }) => number)).toEqual([1, 2, 3, 5]);
    const place = at === 'container' ? container : container + link * 512;
    expect(partitions[2]?.problem).toMatchObject({ kind: 'damage', at: place });
  }
});

test('a chain is followed to maxDepth records', async () => {
  const path = await disk(100 * MiB);
  await partition(path, extended);
  const { partitions } = table(path, { ...defaultLimits, maxDepth: 2 });
  expect(partitions.map(({ number }) => number)).toEqual([1, 2, 3, 5, 6]);
  expect(partitions[2]?.problem).toMatchObject({ kind: 'limit', expected: 'maxDepth' });
});

test('a partition outside the disk is damaged, the others are not', async () => {
  const path = await disk(100 * MiB);
  await partition(path, primary);
  await patch(path, 446 + 16, entry(0x83, 4096, 0xffffffff));
  await patch(path, 446 + 32, entry(0x83, 0xffffff00, 8));
  const { partitions } = table(path);
  expect(partitions.map(({ problem }) => problem?.at ?? null)).toEqual([null, 462, 478]);
});

test('partitions that overlap are noted', async () => {
  const path = await disk(100 * MiB);
  await partition(path, primary);
  await patch(path, 446 + 32, entry(0x83, 4096, 8192));
  expect(table(path).notes).toEqual([{ code: 'PARTITIONS_OVERLAP', message: 'partitions 1 and 3 overlap' }]);
});

test('a boot sector of a filesystem is not a partition table', async () => {
  const made = [
    ['mkfs.vfat', ['-F', '32']],
    ['mkfs.vfat', ['--mbr=y']],
    ['mkntfs', ['-q', '-F']],
    ['mkfs.exfat', []],
  ] as const;
  for (const [tool, options] of made) {
    const path = await disk(40 * MiB);
    await run(tool, [...options, path]);
    const sector = (await readFile(path)).subarray(0, 512);
    expect(sector.readUInt16LE(510)).toBe(0xaa55);
    expect(table(path)).toMatchObject({ kind: 'none', partitions: [] });
  }
});

test('an ext4 behind an empty boot sector is a disk without a table', async () => {
  const path = await disk(40 * MiB);
  await run('mke2fs', ['-q', '-t', 'ext4', path]);
  await patch(path, 510, Buffer.from([0x55, 0xaa]));
  expect(table(path)).toMatchObject({ kind: 'none', partitions: [] });
});

test('a table without partitions, an empty disk, and a disk smaller than a sector table', async () => {
  const path = await disk(40 * MiB);
  await run('sfdisk', ['-q', path], { input: 'label: dos\n' });
  expect(table(path)).toMatchObject({ kind: 'mbr', partitions: [], problem: null });
  expect(table(await disk(40 * MiB))).toMatchObject({ kind: 'none', partitions: [] });
  expect(table(await disk(512))).toMatchObject({ kind: 'none', partitions: [] });
});
