import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openExt } from '../../../../disk/filesystems/ext/ext.ts';
import { defaultLimits } from '../../../../disk/limits.ts';
import { name } from '../../../../disk/name.ts';
import { BufferDevice } from '../../../support/buffer-device.ts';
import { run } from '../../../support/run.ts';
import { scratch } from '../../../support/scratch.ts';
import { diskError } from '../../support/images.ts';

const BLOCK = 1024;
const limits = { ...defaultLimits, maxEntries: 2000 };

/** An image whose file `room` gives blocks to fill, by number; with a directory `dir`. */
async function made(...mkfs: string[]): Promise<{ bytes: Buffer; room: number[]; dir: number }> {
  const folder = await scratch();
  const image = join(folder, 'image');
  const from = join(folder, 'from');
  mkdirSync(join(from, 'dir'), { recursive: true });
  writeFileSync(join(from, 'room'), Buffer.alloc(8 * BLOCK, 'x'));
  await run('mke2fs', ['-q', '-F', '-b', `${BLOCK}`, ...mkfs, '-d', from, image, '4M']);
  const blocks = (await run('debugfs', ['-R', 'blocks /room', image])).toString();
  const bytes = readFileSync(image);
  const dir = Number(openExt(new BufferDevice(bytes), defaultLimits).lookup(2, name('dir')));
  return { bytes, room: blocks.trim().split(/\s+/).map(Number), dir };
}

/** Makes all `size` bytes of an inode but the first block the same block, by tables that name one thing. */
function repeat(bytes: Buffer, ino: number, size: number, block: number, room: readonly number[]): void {
  const at = bytes.readUInt32LE(2 * BLOCK + 8) * BLOCK + (ino - 1) * bytes.readUInt16LE(1024 + 0x58);
  bytes.writeUInt32LE(size, at + 4);
  for (let direct = 1; direct < 12; direct++) bytes.writeUInt32LE(block, at + 0x28 + direct * 4);
  let below = block;
  for (const [level, table] of room.slice(0, 3).entries()) {
    for (let entry = 0; entry < BLOCK; entry += 4) bytes.writeUInt32LE(below, table * BLOCK + entry);
    bytes.writeUInt32LE(table, at + 0x28 + (12 + level) * 4);
    below = table;
  }
}

test('a directory of many blocks that are one ends at a limit', async () => {
  const { bytes, room, dir } = await made('-t', 'ext2');
  const [empty = 0, ...tables] = room;
  bytes.fill(0, empty * BLOCK, (empty + 1) * BLOCK);
  bytes.writeUInt16LE(BLOCK, empty * BLOCK + 4);
  repeat(bytes, dir, 3000 * BLOCK, empty, tables);
  const device = new BufferDevice(bytes);
  const filesystem = openExt(device, limits);
  expect(diskError(() => filesystem.lookup(dir, name('nothing')))).toMatchObject({
    kind: 'limit',
    expected: 'maxEntries',
  });
  // What was spent is spent: the next look-up does not begin anew.
  expect(diskError(() => [...filesystem.list(dir)])).toMatchObject({ kind: 'limit', expected: 'maxEntries' });
});

test('a journal of four million blocks that are one is cut short', async () => {
  const { bytes, room } = await made('-t', 'ext3', '-J', 'size=1');
  const [revoke = 0, ...tables] = room;
  bytes.fill(0, revoke * BLOCK, (revoke + 1) * BLOCK);
  for (const [field, value] of [0xc03b3998, 5, 1, 16].entries()) {
    bytes.writeUInt32BE(value, revoke * BLOCK + field * 4);
  }
  const inode = bytes.readUInt32LE(2 * BLOCK + 8) * BLOCK + 7 * bytes.readUInt16LE(1024 + 0x58);
  const journal = bytes.readUInt32LE(inode + 0x28) * BLOCK;
  repeat(bytes, 8, 2 ** 32 - BLOCK, revoke, tables);
  // s_maxlen, s_first, s_sequence, s_start; the feature `revoke`; and the filesystem needs recovery.
  for (const [field, value] of [2 ** 22 - 1, 1, 1, 1].entries()) {
    bytes.writeUInt32BE(value, journal + 0x10 + field * 4);
  }
  bytes.writeUInt32BE(1, journal + 0x28);
  bytes.writeUInt32LE(bytes.readUInt32LE(1024 + 0x60) | 4, 1024 + 0x60);
  const filesystem = openExt(new BufferDevice(bytes), limits);
  expect(filesystem.state).toBe('dirty_read_as_is');
  expect(filesystem.notes).toMatchObject([
    { code: 'JOURNAL_CUT_SHORT', message: expect.stringContaining('maxEntries') },
  ]);
});

test('a journal that revokes more blocks than maxEntries is cut short', async () => {
  const { bytes, room } = await made('-t', 'ext3', '-J', 'size=1');
  const [revoke = 0, ...tables] = room;
  bytes.fill(0, revoke * BLOCK, (revoke + 1) * BLOCK);
  for (const [field, value] of [0xc03b3998, 5, 1, BLOCK].entries()) {
    bytes.writeUInt32BE(value, revoke * BLOCK + field * 4);
  }
  for (let at = 16; at < BLOCK; at += 4) bytes.writeUInt32BE(at, revoke * BLOCK + at);
  const inode = bytes.readUInt32LE(2 * BLOCK + 8) * BLOCK + 7 * bytes.readUInt16LE(1024 + 0x58);
  const journal = bytes.readUInt32LE(inode + 0x28) * BLOCK;
  repeat(bytes, 8, 2 ** 32 - BLOCK, revoke, tables);
  for (const [field, value] of [1000, 1, 1, 1].entries()) {
    bytes.writeUInt32BE(value, journal + 0x10 + field * 4);
  }
  bytes.writeUInt32BE(1, journal + 0x28);
  bytes.writeUInt32LE(bytes.readUInt32LE(1024 + 0x60) | 4, 1024 + 0x60);
  const few = { ...defaultLimits, maxEntries: 300 };
  expect(openExt(new BufferDevice(bytes), few).notes).toMatchObject([
    { code: 'JOURNAL_CUT_SHORT', message: expect.stringContaining('revokes more') },
  ]);
});
