import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { read } from '../../../disk/device.ts';
import { deviceName } from '../../../disk/volumes/naming.ts';
import { slice } from '../../../disk/volumes/slice.ts';
import { run } from '../../support/run.ts';
import { scratch } from '../../support/scratch.ts';
import { diskError, openFile } from '../support/images.ts';

test('a slice is a device of its own, which knows its places', async () => {
  const path = join(await scratch(), 'disk');
  await writeFile(path, Buffer.from(Array.from({ length: 1024 }, (_, index) => index % 251)));
  const part = slice(openFile(path).device, 300, 100);
  expect(part.size).toBe(100);
  expect([...read(part, 98, 2)]).toEqual([398 % 251, 399 % 251]);
  expect(part.place(7)).toEqual({ source: 0, offset: 307 });
  expect([...part.extents(10, 20)]).toEqual([{ offset: 10, length: 20, kind: 'data' }]);
  expect(diskError(() => read(part, 99, 2))).toMatchObject({ kind: 'io', layer: 'range' });
  expect(diskError(() => [...part.extents(99, 2)])).toMatchObject({ kind: 'io', layer: 'range' });
});

test('holes and places of a slice of a qcow2 disk', async () => {
  const path = join(await scratch(), 'disk');
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', path, '10M']);
  await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 1 1M 64k', path]);
  const { device } = openFile(path);
  const part = slice(device, 1024 ** 2 - 512, 70_000);
  expect([...part.extents(0, part.size)]).toEqual([
    { offset: 0, length: 512, kind: 'hole' },
    { offset: 512, length: 65536, kind: 'data' },
    { offset: 66048, length: 3952, kind: 'hole' },
  ]);
  expect(part.place(512)).toEqual(device.place(1024 ** 2));
  expect(part.place(0)).toBeNull();
});

test('what lies outside the device is cut off', async () => {
  const path = join(await scratch(), 'disk');
  await writeFile(path, Buffer.alloc(1024));
  const { device } = openFile(path);
  expect(slice(device, 1000, 10 ** 9).size).toBe(24);
  expect(slice(device, 10 ** 9, 10).size).toBe(0);
});

test('disks are named as Linux names them', () => {
  expect([0, 1, 25, 26, 27, 51, 52, 701, 702].map((disk) => deviceName(disk, null))).toEqual(
    'sda sdb sdz sdaa sdab sdaz sdba sdzz sdaaa'.split(' '),
  );
  expect(deviceName(0, 12)).toBe('sda12');
});
