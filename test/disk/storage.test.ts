import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BlockCache } from '../../disk/cache.ts';
import type { BlockDevice } from '../../disk/device.ts';
import { DiskError, damage, limit, unsupported } from '../../disk/error.ts';
import { filesystemReaders, type OpenFilesystem } from '../../disk/filesystems/open.ts';
import { openImage } from '../../disk/formats/image.ts';
import { defaultLimits } from '../../disk/limits.ts';
import { readStorage } from '../../disk/storage.ts';
import { run } from '../support/run.ts';
import { diskError, fileSource, openFile, RecordingSource } from './support/images.ts';
import { disk, MiB, partition, patch } from './support/tables.ts';

const storageOf = (paths: readonly string[], readers = filesystemReaders) =>
  readStorage(
    paths.map((path) => openFile(path, null)),
    defaultLimits,
    readers,
  );

const script = 'label: dos\nlabel-id: 0x1234abcd\n2048,40960,83\n,20480,82\n,,5\n,10240,83\n,20480,7\n';

/** A disk with ext4, swap, an extended partition with nothing and NTFS. */
async function mixedDisk(): Promise<{ path: string; starts: number[] }> {
  const path = await disk(100 * MiB);
  const starts = (await partition(path, script)).map(({ start }) => start * 512);
  const [first = 0, second = 0, , , last = 0] = starts;
  await run('mke2fs', ['-q', '-t', 'ext4', '-L', 'root', '-E', `offset=${first}`, path, '20M']);
  for (const [at, tool, options] of [
    [second, 'mkswap', ['-L', 'swap']],
    [last, 'mkntfs', ['-q', '-F']],
  ] as const) {
    const volume = await disk(10 * MiB);
    await run(tool, [...options, volume]);
    await patch(path, at, await readFile(volume));
  }
  return { path, starts };
}

test('every volume of every disk has a name, a place and a status', async () => {
  const { path, starts } = await mixedDisk();
  const whole = await disk(20 * MiB);
  await run('mke2fs', ['-q', '-t', 'ext3', '-L', 'data', whole]);
  const image = join(whole, '..', 'image');
  await run('qemu-img', ['convert', '-O', 'qcow2', whole, image]);
  const { disks, volumes, notes } = storageOf([path, image, await disk(MiB)]);
  expect(disks.map(({ index, table, sectorSize }) => [index, table, sectorSize])).toEqual([
    [0, 'mbr', 512],
    [1, 'none', 512],
    [2, 'none', 512],
  ]);
  const shown = volumes.map(({ id, name, kind, startBytes, content: { status, type, label } }) => ({
    id,
    name,
    kind,
    startBytes,
    content: [status, type, label].join(' '),
  }));
  const [first, second, third, fifth, sixth] = starts;
  expect(shown).toEqual([
    { id: 'disk0/p1', name: 'sda1', kind: 'partition', startBytes: first, content: 'read ext4 root' },
    { id: 'disk0/p2', name: 'sda2', kind: 'partition', startBytes: second, content: 'recognised swap swap' },
    { id: 'disk0/p3', name: 'sda3', kind: 'partition', startBytes: third, content: 'skipped  ' },
    { id: 'disk0/p5', name: 'sda5', kind: 'partition', startBytes: fifth, content: 'skipped  ' },
    { id: 'disk0/p6', name: 'sda6', kind: 'partition', startBytes: sixth, content: 'recognised ntfs ' },
    { id: 'disk1', name: 'sdb', kind: 'disk', startBytes: 0, content: 'read ext3 data' },
    { id: 'disk2', name: 'sdc', kind: 'disk', startBytes: 0, content: 'skipped  ' },
  ]);
  expect(volumes.map(({ content }) => content.reason)).toEqual([
    null,
    'swap is not read',
    'holds logical partitions',
    'no known content',
    'ntfs is not read',
    null,
    'no known content',
  ]);
  expect(volumes[0]).toMatchObject({ partitionType: '0x83', partitionUuid: '1234abcd-01', disk: 0 });
  expect(notes).toEqual([]);
});

test('places in a volume are places in the stored image', async () => {
  const { path, starts } = await mixedDisk();
  const { volumes } = storageOf([path]);
  expect(volumes[0]?.device.place(1024)).toEqual({ source: 0, offset: (starts[0] ?? 0) + 1024 });
});

/** A reader that always ends in this error. */
const failing = (fail: (device: BlockDevice) => Error): ReadonlyMap<string, OpenFilesystem> =>
  new Map([
    [
      'ext4',
      (device: BlockDevice) => {
        throw fail(device);
      },
    ],
  ]);

test('what a filesystem reader throws becomes the status of its volume', async () => {
  const { path, starts } = await mixedDisk();
  const at = (starts[0] ?? 0) + 1024;
  const status = (fail: (device: BlockDevice) => Error) => {
    const [content, ...rest] = storageOf([path], failing(fail)).volumes.map((volume) => volume.content);
    expect(rest.map((other) => other.status)).toEqual(['recognised', 'skipped', 'skipped', 'recognised']);
    return content;
  };
  expect(status((device) => damage('ext4', device, 1024, 'a', 'b'))).toMatchObject({
    status: 'damaged',
    type: 'ext4',
    label: 'root',
    reason: `ext4: damaged at image byte ${at}: expected a, found b`,
    place: { source: 0, offset: at },
  });
  const feature = status((device) => unsupported('ext4', device, 1024, 'verity', 'bit 15'));
  expect(feature).toMatchObject({ status: 'recognised', type: 'ext4', place: { offset: at } });
  expect(feature?.reason).toContain('verity');
  expect(status(() => limit('ext4', 'maxDepth', 'deeper'))?.status).toBe('recognised');
  const outside = status((device) => diskError(() => device.readInto(new Uint8Array(1), device.size)));
  expect(outside?.status).toBe('damaged');
});

test('what concerns the whole inspection is thrown', async () => {
  const { path } = await mixedDisk();
  const io = { kind: 'io', layer: 'source', at: 0, image: null, expected: '', found: '' } as const;
  const errors = [
    limit('cache', 'maxBytesRead', 'more'),
    new DiskError(io),
    new DiskError({ ...io, kind: 'changed' }),
    new DiskError({ ...io, kind: 'damage', layer: 'qcow2' }),
  ];
  for (const error of errors)
    expect(
      diskError(() =>
        storageOf(
          [path],
          failing(() => error),
        ),
      ),
    ).toBe(error);
  const bug = new TypeError('a mistake of ours');
  expect(() =>
    storageOf(
      [path],
      failing(() => bug),
    ),
  ).toThrow(bug);
});

test('a partition outside its disk is damaged by its table entry, and the others are read', async () => {
  const { path } = await mixedDisk();
  await patch(path, 446 + 16 + 12, Buffer.from([0xff, 0xff, 0xff, 0x7f]));
  const { volumes, notes } = storageOf([path]);
  expect(volumes[1]?.content).toMatchObject({ status: 'damaged', place: { source: 0, offset: 462 } });
  expect(notes).toEqual([{ code: 'VOLUME_DAMAGED', message: volumes[1]?.content.reason, where: 'disk0/p2' }]);
  expect(volumes[0]?.content.status).toBe('read');
});

test('a partition table that cannot be read is one damaged volume, the disk', async () => {
  const path = await disk(20 * MiB);
  await partition(path, 'label: gpt\n,,L\n');
  await patch(path, 512 + 40, Buffer.from([0xff]));
  await patch(path, 20 * MiB - 512 + 40, Buffer.from([0xff]));
  const { disks, volumes } = storageOf([path]);
  expect(disks[0]?.table).toBe('gpt');
  expect(volumes).toHaveLength(1);
  expect(volumes[0]).toMatchObject({ id: 'disk0', kind: 'disk' });
  expect(volumes[0]?.content).toMatchObject({ status: 'damaged', place: { source: 0, offset: 528 } });
});

test('notes name the disk they belong to', async () => {
  const path = await disk(20 * MiB);
  await partition(path, 'label: gpt\n,,L\n');
  await patch(path, 512, Buffer.alloc(8));
  const { notes } = storageOf([await disk(MiB), path]);
  expect(notes.map(({ code, where }) => [code, where])).toEqual([['GPT_BACKUP_USED', 'disk1']]);
});

test('looking at a partitioned qcow2 disk takes few reads', async () => {
  const { path } = await mixedDisk();
  const image = join(path, '..', 'image');
  await run('qemu-img', ['convert', '-O', 'qcow2', path, image]);
  const cache = new BlockCache(defaultLimits);
  readStorage(
    [openImage(cache.wrap(fileSource(image)), 0, null, defaultLimits)],
    defaultLimits,
    filesystemReaders,
  );
  expect(cache.reads).toBeLessThanOrEqual(10);
  expect(cache.bytesRead).toBeLessThanOrEqual(1024 ** 2);
});

test('a disk of noise is one skipped volume', () => {
  const noise = Buffer.alloc(3 * MiB);
  for (let at = 0, value = 1; at < noise.length; at++) {
    value = (value * 1103515245 + 12345) % 2 ** 31;
    noise[at] = value >> 16;
  }
  const image = openImage(new RecordingSource(noise), 0, 'raw', defaultLimits);
  const { volumes } = readStorage([image], defaultLimits, filesystemReaders);
  expect(volumes.map(({ content }) => content.status)).toEqual(['skipped']);
});
