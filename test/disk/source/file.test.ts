import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { read } from '../../../disk/device.ts';
import { scratch } from '../../support/scratch.ts';
import { diskError, fileSource } from '../support/images.ts';

test('reads any range of the file', async () => {
  const path = join(await scratch(), 'file');
  await writeFile(path, 'abcdefghij');
  const source = fileSource(path);
  expect(source.size).toBe(10);
  expect(Buffer.from(read(source, 3, 4)).toString()).toBe('defg');
  expect(read(source, 10, 0)).toHaveLength(0);
});

test('refuses a range past the end, and offsets that are none', async () => {
  const path = join(await scratch(), 'file');
  await writeFile(path, 'abc');
  const source = fileSource(path);
  for (const offset of [1, -1, 0.5, Number.NaN, 2 ** 60]) {
    expect(diskError(() => source.readInto(new Uint8Array(3), offset))).toMatchObject({ kind: 'io' });
  }
});

test('a file that became shorter has changed', async () => {
  const path = join(await scratch(), 'file');
  await writeFile(path, Buffer.alloc(1000));
  const source = fileSource(path);
  await truncate(path, 400);
  expect(diskError(() => read(source, 300, 200))).toMatchObject({ kind: 'changed', at: 400 });
});

test('a failing read keeps the system error as its cause', async () => {
  const folder = await scratch();
  const error = diskError(() => read(fileSource(folder), 0, 1));
  expect(error).toMatchObject({ kind: 'io', layer: 'file' });
  expect(error.cause).toMatchObject({ code: 'EISDIR' });
});
