import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { read } from '../../../disk/device.ts';
import type { FormatName } from '../../../disk/formats/format.ts';
import { FormatMismatch } from '../../../disk/formats/image.ts';
import { defaultLimits } from '../../../disk/limits.ts';
import { run } from '../../support/run.ts';
import { scratch } from '../../support/scratch.ts';
import { diskError, openFile } from '../support/images.ts';

/** Every kind of image that qemu-img makes of the formats we know, with its options. */
const kinds: readonly (readonly [string, FormatName, string, string])[] = [
  ['sparse vmdk', 'vmdk', 'vmdk', 'subformat=monolithicSparse'],
  ['stream-optimized vmdk', 'vmdk', 'vmdk', 'subformat=streamOptimized'],
  ['vmdk descriptor', 'vmdk', 'vmdk', 'subformat=monolithicFlat'],
  ['vdi', 'vdi', 'vdi', 'static=off'],
  ['vhdx', 'vhdx', 'vhdx', 'subformat=dynamic'],
  ['dynamic vhd', 'vhd', 'vpc', 'subformat=dynamic'],
  ['fixed vhd', 'vhd', 'vpc', 'subformat=fixed'],
];

describe.each(kinds)('a %s', (_, format, driver, options) => {
  async function make(): Promise<string> {
    const path = join(await scratch(), 'image');
    await run('qemu-img', ['create', '-q', '-f', driver, '-o', options, path, '8M']);
    return path;
  }

  test('is recognised by its content and refused by name', async () => {
    const path = await make();
    for (const stated of [null, format]) {
      const error = diskError(() => openFile(path, stated));
      expect(error).toMatchObject({ kind: 'unsupported', layer: 'image', expected: `${format} images` });
    }
  });

  test('is not qcow2', async () => {
    const path = await make();
    const error = diskError(() => openFile(path, 'qcow2'));
    expect(error).toBeInstanceOf(FormatMismatch);
    expect(error).toMatchObject({ stated: 'qcow2', actual: format, kind: 'damage' });
  });
});

describe('the stated format', () => {
  test('qcow2 said to be raw is a mismatch', async () => {
    const path = join(await scratch(), 'image');
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', path, '1M']);
    const error = diskError(() => openFile(path, 'raw'));
    expect(error).toMatchObject({ name: 'FormatMismatch', stated: 'raw', actual: 'qcow2' });
    expect(error.message).toContain('expected a raw image, found a qcow2 image');
  });

  test('raw said to be anything else is a mismatch', async () => {
    const path = join(await scratch(), 'image');
    await writeFile(path, Buffer.alloc(4096));
    for (const stated of ['qcow2', 'vmdk', 'vdi', 'vhdx', 'vhd'] as const) {
      expect(diskError(() => openFile(path, stated))).toMatchObject({ stated, actual: 'raw' });
    }
  });

  test('a fixed VHD said to be raw is read as raw', async () => {
    const path = join(await scratch(), 'image');
    await run('qemu-img', ['create', '-q', '-f', 'vpc', '-o', 'subformat=fixed', path, '8M']);
    expect(openFile(path, 'raw').format).toBe('raw');
  });
});

describe('raw', () => {
  test('an empty file is damage at byte 0, whatever was stated', async () => {
    const path = join(await scratch(), 'image');
    await writeFile(path, '');
    for (const stated of [null, 'raw', 'qcow2'] as const) {
      const error = diskError(() => openFile(path, stated));
      expect(error).toMatchObject({
        kind: 'damage',
        found: 'an empty file',
        image: { source: 0, offset: 0 },
      });
    }
  });

  test.each([1, 511, 512, 513, 70_000])('%i bytes are a disk of whole sectors, as for qemu', async (size) => {
    const path = join(await scratch(), 'image');
    const content = Buffer.alloc(size, 'x');
    await writeFile(path, content);
    const { device, format } = openFile(path);
    const info = JSON.parse((await run('qemu-img', ['info', '-f', 'raw', '--output=json', path])).toString());
    expect({ format, size: device.size }).toEqual({ format: 'raw', size: info['virtual-size'] });
    const bytes = Buffer.from(read(device, 0, device.size));
    expect(bytes.equals(Buffer.concat([content, Buffer.alloc(device.size - size)]))).toBe(true);
    const extents = [...device.extents(0, device.size)];
    expect(extents.reduce((sum, { length }) => sum + length, 0)).toBe(device.size);
    expect(extents[0]).toEqual({ offset: 0, length: size, kind: 'data' });
    expect(device.place(size - 1)).toEqual({ source: 0, offset: size - 1 });
    if (device.size > size) expect(device.place(size)).toBeNull();
    expect(diskError(() => read(device, device.size, 1))).toMatchObject({ kind: 'io' });
  });

  test('a disk above maxVirtualSize is refused', async () => {
    const path = join(await scratch(), 'image');
    await writeFile(path, '');
    await truncate(path, 2 ** 20);
    const limits = { ...defaultLimits, maxVirtualSize: 2 ** 20 - 1 };
    expect(diskError(() => openFile(path, null, limits))).toMatchObject({
      expected: 'maxVirtualSize',
      found: 'a disk of 1048576 bytes, more than 1048575',
    });
  });
});
