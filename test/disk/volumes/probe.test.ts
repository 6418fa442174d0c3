import { mkdir, open, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { probe } from '../../../disk/volumes/probe.ts';
import { run } from '../../support/run.ts';
import { scratch } from '../../support/scratch.ts';
import { openFile } from '../support/images.ts';

const MiB = 1024 ** 2;

async function empty(size = 320 * MiB): Promise<string> {
  const path = join(await scratch(), 'volume');
  await writeFile(path, '');
  await truncate(path, size);
  return path;
}

async function blkid(path: string): Promise<{ type: string; uuid: string | null; label: string | null }> {
  const text = (await run('blkid', ['-p', '-o', 'udev', path])).toString();
  const field = (key: string) => {
    const value = new RegExp(`^ID_FS_${key}=(.*)$`, 'm').exec(text)?.[1];
    return (
      value?.replace(/\\x(..)/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))).trim() ?? null
    );
  };
  return { type: field('TYPE') ?? '', uuid: field('UUID_ENC'), label: field('LABEL_ENC') };
}

const probed = (path: string) => {
  const found = probe(openFile(path, 'raw').device);
  return found === null ? null : { type: found.type, uuid: found.uuid, label: found.label };
};

const made: readonly (readonly [string, readonly string[]])[] = [
  ['mke2fs', ['-q', '-t', 'ext2', '-L', 'two']],
  ['mke2fs', ['-q', '-t', 'ext3', '-L', 'a label of sixte']],
  ['mke2fs', ['-q', '-t', 'ext4', '-b', '1024']],
  ['mke2fs', ['-q', '-t', 'ext4', '-b', '4096', '-O', '64bit,metadata_csum', '-L', 'ümläut']],
  ['mke2fs', ['-q', '-O', 'journal_dev', '-L', 'journal']],
  ['mkfs.xfs', ['-q', '-L', 'x label']],
  ['mkfs.btrfs', ['-q', '-L', 'b label']],
  ['mkfs.f2fs', ['-q', '-l', 'f läbel']],
  ['mkfs.jfs', ['-q', '-L', 'jfs']],
  ['mkreiserfs', ['-q', '-q', '-f', '-f', '-l', 'reiser']],
  ['mkfs.vfat', ['-F', '12', '-S', '1024', '-s', '128', '-n', 'TWELVE']],
  ['mkfs.vfat', ['-F', '16', '-n', 'SIX TEEN']],
  ['mkfs.vfat', ['-F', '32', '-n', 'THIRTYTWO']],
  ['mkfs.vfat', ['-F', '32', '-S', '4096']],
  ['mkfs.vfat', ['--mbr=y', '-n', 'FAKEMBR']],
  ['mkswap', ['-L', 'swap space']],
  ['mkswap', ['-p', '65536']],
];

test.each(made)('%s %j, as blkid says', async (tool, options) => {
  const path = await empty();
  await run(tool, [...options, path]);
  expect(probed(path)).toEqual(await blkid(path));
});

test.each([
  ['mkntfs', ['-q', '-F', '-L', 'label']],
  ['mkfs.exfat', ['-L', 'label']],
])('%s, but for the label, which is not in the boot sector', async (tool, options) => {
  const path = await empty(20 * MiB);
  await run(tool, [...options, path]);
  expect(await blkid(path)).toMatchObject({ label: 'label' });
  expect(probed(path)).toEqual({ ...(await blkid(path)), label: null });
});

test.each([
  ['luks1', []],
  ['luks2', ['--pbkdf', 'pbkdf2', '--label', 'crypt']],
])('cryptsetup, %s', async (type, options) => {
  const path = await empty(40 * MiB);
  const fast = ['--pbkdf-force-iterations', '1000'];
  await run('cryptsetup', ['luksFormat', '-q', '--type', type, ...fast, ...options, path, '-'], {
    input: 'key',
  });
  expect(probed(path)).toEqual(await blkid(path));
});

test.each(['mksquashfs', 'mkfs.erofs', 'genisoimage'])('%s', async (tool) => {
  const folder = await scratch();
  await mkdir(join(folder, 'tree'));
  await writeFile(join(folder, 'tree', 'file'), 'content');
  const [tree, image] = [join(folder, 'tree'), join(folder, 'image')];
  const args = {
    mksquashfs: [tree, image, '-quiet', '-no-progress'],
    'mkfs.erofs': [image, tree],
    genisoimage: ['-quiet', '-V', 'A LABEL', '-o', image, tree],
  }[tool];
  await run(tool, args ?? []);
  expect(probed(image)).toEqual(await blkid(image));
});

async function patch(path: string, at: number, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(bytes, 0, bytes.length, at);
  await file.close();
}

/** A superblock of Linux RAID, version 1.x: docs of mdadm, md_p.h; the checksum is a folded sum of its words. */
function raidSuperblock(offset: number): Buffer {
  const b = Buffer.alloc(256);
  b.writeUInt32LE(0xa92b4efc, 0);
  b.writeUInt32LE(1, 4);
  b.write('0123456789abcdef0123456789abcdef', 16, 'hex');
  b.write('host:data', 32);
  b.writeBigUInt64LE(BigInt(offset / 512), 144);
  let sum = 0;
  for (let at = 0; at < 256; at += 4) sum += b.readUInt32LE(at);
  b.writeUInt32LE(((sum % 2 ** 32) + Math.floor(sum / 2 ** 32)) >>> 0, 216);
  return b;
}

test.each([
  ['1.0', 20 * MiB - 8192],
  ['1.1', 0],
  ['1.2', 4096],
])('a RAID member with superblock %s, also around an ext4', async (_, at) => {
  const path = await empty(20 * MiB);
  if (at > 4096) await run('mke2fs', ['-q', '-t', 'ext4', path]);
  await patch(path, at, raidSuperblock(at));
  expect(probed(path)).toEqual({
    type: 'linux_raid_member',
    uuid: '01234567-89ab-cdef-0123-456789abcdef',
    label: 'host:data',
  });
  if (at <= 4096) expect(probed(path)).toEqual(await blkid(path));
});

test('a RAID member with superblock 0.90', async () => {
  const path = await empty(20 * MiB);
  const b = Buffer.alloc(4096);
  b.writeUInt32LE(0xa92b4efc, 0);
  b.writeUInt32LE(90, 8);
  for (const [at, word] of [
    [20, 0x01234567],
    [52, 0x89abcdef],
    [56, 0x11223344],
    [60, 0x55667788],
  ] as const) {
    b.writeUInt32LE(word, at);
  }
  await patch(path, 20 * MiB - 65536, b);
  expect(probed(path)).toEqual(await blkid(path));
  expect(probed(path)?.uuid).toBe('01234567-89ab-cdef-1122-334455667788');
});

test('an LVM2 physical volume, as pvcreate labels it', async () => {
  const path = await empty(20 * MiB);
  // Sector 1 of a volume made by pvcreate 2.03.16.
  await patch(path, 512, Buffer.from(PHYSICAL_VOLUME, 'hex'));
  expect(probed(path)).toEqual(await blkid(path));
  expect(probed(path)?.type).toBe('LVM2_member');
});

test('nothing, noise and tiny volumes are not recognised, and end in no error', () => {
  const device = (bytes: Uint8Array) => ({
    size: bytes.length,
    sectorSize: null,
    readInto: (to: Uint8Array, offset: number) => to.set(bytes.subarray(offset, offset + to.length)),
    prefetch: () => {},
    extents: () => [],
    place: () => null,
  });
  for (const size of [0, 1, 511, 512, 1023, 4096, 70_000])
    expect(probe(device(new Uint8Array(size)))).toBeNull();
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 2000, maxLength: 9000 }), (bytes) => {
      expect(probe(device(bytes))).toBeNull();
    }),
  );
});

const PHYSICAL_VOLUME =
  '4c4142454c4f4e450100000000000000f897015c200000004c564d3220303031774c794d3830314e4a436b6f58304c4245475a4e70633371676b4f336571437400008002000000000000100000000000000000000000000000000000000000000000000000000000001000000000000000f00f00000000000000000000000000000000000000000002';
