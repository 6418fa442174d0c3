import { readFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { defaultLimits } from '../../../disk/limits.ts';
import { readTable } from '../../../disk/volumes/table.ts';
import { run } from '../../support/run.ts';
import { openFile } from '../support/images.ts';
import { disk, type Listed, MiB, partition, patch } from '../support/tables.ts';

const SIZE = 100 * MiB;
const table = (path: string) => readTable(openFile(path, 'raw').device, defaultLimits);

const script = `label: gpt
size=20M, type=U, name="EFI System", uuid=6DA44561-6D2C-4E3D-8E0E-2C6F0D6E0A11
size=1M, type=21686148-6449-6E6F-744E-656564454649
size=30M, type=L, name="Wurzel ü 𝄞", attrs="RequiredPartition LegacyBIOSBootable"
size=10M, type=S
`;

/** What sfdisk lists, in the terms of our partitions. */
const expected = (listed: readonly Listed[], sectorSize: number) =>
  listed.map(({ start, size, type, uuid, name }) => ({
    startBytes: start * sectorSize,
    sizeBytes: size * sectorSize,
    type: type.toLowerCase(),
    uuid: uuid?.toLowerCase() ?? null,
    label: name ?? null,
    problem: null,
  }));

/** Rewrites one copy's header and makes its checksums right again; `at` is its byte offset. */
async function rewrite(path: string, at: number, change: (header: Buffer) => void): Promise<void> {
  const header = Buffer.from((await readFile(path)).subarray(at, at + 512));
  change(header);
  header.writeUInt32LE(0, 16);
  header.writeUInt32LE(crc32(header.subarray(0, 92)), 16);
  await patch(path, at, header);
}

/** Rewrites an entry of the primary array and makes the header's checksums right again. */
async function rewriteEntry(path: string, index: number, change: (entry: Buffer) => void): Promise<void> {
  const bytes = await readFile(path);
  change(bytes.subarray(1024 + index * 128, 1024 + (index + 1) * 128));
  await patch(path, 1024, bytes.subarray(1024, 1024 + 128 * 128));
  await rewrite(path, 512, (header) => {
    header.writeUInt32LE(crc32(bytes.subarray(1024, 1024 + 128 * 128)), 88);
  });
}

test.each([512, 4096])(
  'partitions of a disk with %i-byte sectors, as sfdisk lists them',
  async (sectorSize) => {
    const path = await disk(SIZE);
    const listed = await partition(path, script, sectorSize);
    const found = table(path);
    expect(found).toMatchObject({ kind: 'gpt', sectorSize, notes: [], problem: null });
    expect(found.partitions).toMatchObject(expected(listed, sectorSize));
    expect(found.partitions).toHaveLength(4);
    expect(found.partitions.map(({ number }) => number)).toEqual([1, 2, 3, 4]);
    expect(found.partitions.map(({ flags }) => flags)).toEqual([
      ['efi_system'],
      ['bios_boot'],
      ['required', 'legacy_boot'],
      [],
    ]);
  },
);

test('a partition keeps its number when one before it is gone', async () => {
  const path = await disk(SIZE);
  await partition(path, script);
  await run('sfdisk', ['-q', '--delete', path, '2']);
  expect(table(path).partitions.map(({ number }) => number)).toEqual([1, 3, 4]);
});

describe.each([512, 4096])('a damaged primary, %i-byte sectors', (sectorSize) => {
  test.each([
    ['signature', 0, 'no signature'],
    ['header', 40, 'header CRC'],
    ['entries', sectorSize + 130, 'entries CRC'],
  ])('%s: the backup is read, with a note', async (_, offset) => {
    const path = await disk(SIZE);
    const listed = await partition(path, script, sectorSize);
    await patch(path, sectorSize + offset, Buffer.from([0xff]));
    const found = table(path);
    expect(found).toMatchObject({ kind: 'gpt', sectorSize, problem: null });
    expect(found.partitions).toMatchObject(expected(listed, sectorSize));
    expect(found.notes.map(({ code }) => code)).toEqual(['GPT_BACKUP_USED']);
  });
});

test('both copies damaged: damage of the table, with the byte of the primary', async () => {
  const path = await disk(SIZE);
  await partition(path, script);
  await patch(path, 512 + 40, Buffer.from([0xff]));
  await patch(path, SIZE - 512 + 40, Buffer.from([0xff]));
  const found = table(path);
  expect(found).toMatchObject({ kind: 'gpt', partitions: [] });
  expect(found.problem).toMatchObject({ kind: 'damage', layer: 'gpt', at: 528, image: { offset: 528 } });
});

test('a protective MBR without any GPT is damage', async () => {
  const path = await disk(SIZE);
  await partition(path, script);
  await patch(path, 512, Buffer.alloc(512));
  await patch(path, SIZE - 512, Buffer.alloc(512));
  expect(table(path).problem).toMatchObject({ kind: 'damage', layer: 'gpt', at: 512 });
});

describe('headers with right checksums and wrong content are passed over for the backup', () => {
  const cases: [string, (header: Buffer) => void, number][] = [
    ['another sector than its own', (h) => void h.writeBigUInt64LE(7n, 24), 536],
    ['entries of 0 bytes', (h) => void h.writeUInt32LE(0, 84), 592],
    ['2^32 entries', (h) => void h.writeUInt32LE(0xffffffff, 80), 592],
    ['entries of 4 GB', (h) => void h.writeUInt32LE(0xfffffff8, 84), 592],
    ['entries past the end', (h) => void h.writeBigUInt64LE(2n ** 62n, 72), 584],
  ];
  test.each(cases)('%s', async (_, change, at) => {
    const path = await disk(SIZE);
    await partition(path, script);
    await rewrite(path, 512, change);
    const found = table(path);
    expect(found.partitions).toHaveLength(4);
    expect(found.notes[0]?.message).toContain(`image byte ${at}:`);
  });

  test.each([0, 91, 513, 0xffffffff])('a header of %i bytes', async (length) => {
    const path = await disk(SIZE);
    await partition(path, script);
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(length);
    await patch(path, 512 + 12, bytes);
    expect(table(path).notes[0]?.message).toContain('image byte 524:');
  });
});

describe('one wrong partition does not spoil the others', () => {
  const cases: [string, bigint, bigint][] = [
    ['ends past the disk', 2048n, 2n ** 40n],
    ['starts past the disk', 2n ** 40n, 2n ** 40n + 8n],
    ['ends before it starts', 5000n, 4000n],
    ['has places above 2^53', 2n ** 64n - 2n, 2n ** 64n - 1n],
  ];
  test.each(cases)('%s', async (_, start, end) => {
    const path = await disk(SIZE);
    await partition(path, script);
    await rewriteEntry(path, 1, (entry) => {
      entry.writeBigUInt64LE(start, 32);
      entry.writeBigUInt64LE(end, 40);
    });
    const { partitions, notes } = table(path);
    expect(notes).toEqual([]);
    expect(partitions.map(({ problem }) => problem?.at ?? null)).toEqual([null, 1024 + 128 + 32, null, null]);
    const wrong = partitions[1];
    expect(Number.isSafeInteger(wrong?.startBytes) && Number.isSafeInteger(wrong?.sizeBytes)).toBe(true);
  });

  test('overlaps another', async () => {
    const path = await disk(SIZE);
    await partition(path, script);
    await rewriteEntry(path, 1, (entry) => entry.writeBigUInt64LE(5000n, 32));
    expect(table(path).notes).toEqual([
      { code: 'PARTITIONS_OVERLAP', message: 'partitions 1 and 2 overlap' },
    ]);
  });

  test('has a name that is not UTF-16', async () => {
    const path = await disk(SIZE);
    await partition(path, script);
    await rewriteEntry(path, 1, (entry) => entry.fill(0).set([1, 2, 3, 0, 0xd8], 0));
    await rewriteEntry(path, 0, (entry) => entry.set([0x41, 0, 0x00, 0xd8, 0x42, 0], 56));
    expect(table(path).partitions[0]?.label?.startsWith('A\ufffdB')).toBe(true);
  });
});

test('a hybrid MBR is noted, and the GPT read', async () => {
  const path = await disk(SIZE);
  await partition(path, script);
  const entry = Buffer.alloc(16);
  entry.writeUInt8(0x83, 4);
  entry.writeUInt32LE(2048, 8);
  entry.writeUInt32LE(2048, 12);
  await patch(path, 446 + 16, entry);
  const found = table(path);
  expect(found.partitions).toHaveLength(4);
  expect(found.notes.map(({ code }) => code)).toEqual(['GPT_HYBRID_MBR']);
});

test('without a protective MBR a GPT is read with a note, but not where a filesystem covers the disk', async () => {
  const path = await disk(SIZE);
  await partition(path, script);
  await patch(path, 0, Buffer.alloc(512));
  const found = table(path);
  expect(found.partitions).toHaveLength(4);
  expect(found.notes.map(({ code }) => code)).toEqual(['GPT_NO_PROTECTIVE_MBR']);

  const bytes = await readFile(path);
  await run('mke2fs', ['-q', '-t', 'ext4', '-F', path]);
  await patch(path, 512, bytes.subarray(512, 1024));
  expect(table(path)).toMatchObject({ kind: 'none', partitions: [] });
});

test('of more than 256 partitions the rest is left out, with a note', async () => {
  const path = await disk(SIZE);
  const numbers = Array.from({ length: 300 }, (_, n) => `start=${4096 + n * 8}, size=8, type=L\n`).join('');
  await partition(path, `label: gpt\ntable-length: 512\nfirst-lba: 2048\n${numbers}`, 512);
  const found = table(path);
  expect(found.partitions).toHaveLength(256);
  expect(found.notes).toMatchObject([{ code: 'PARTITIONS_LEFT_OUT' }]);
});
