import { run } from '../../support/run.ts';
import { extentsChecksum, extGeometry, inodeChecksumSeed } from '../checksums.ts';
import { paths } from './guest.ts';
import type { Guard, Place } from './place.ts';

/** Longest list of blocks taken of one file: a journal has a thousand. */
const MAX_BLOCKS = 64;

/**
 * The structures of an ext filesystem that begins at byte `fs` of a disk: as debugfs finds them, and by their
 * magic numbers. `file` is that filesystem alone.
 */
export async function extPlaces(file: string, image: Uint8Array, fs: number): Promise<Place[]> {
  const geometry = extGeometry((at, length) => Buffer.from(image.subarray(at, at + length)), fs);
  const { blockSize, inodeSize, groups, descriptorSize, firstDataBlock } = geometry;
  const places: Place[] = [];
  const add = (kind: string, at: number, length: number, unit: number, guard: Guard | null = null) => {
    if (at >= 0 && at + length <= image.length) places.push({ kind, at, length, unit, guard });
  };
  add('superblock', fs + 1024, 1024, 4, { kind: 'superblock', fs, index: 0 });
  for (let index = 0; index < groups; index++) {
    const at = fs + (firstDataBlock + 1) * blockSize + index * descriptorSize;
    add('group descriptor', at, descriptorSize, 4, { kind: 'group', fs, index });
  }
  const inodes: number[] = [];
  for (const { path, inode, at, blocks } of await look(file, ['<2>', '<8>', ...paths])) {
    inodes.push(inode);
    const guard: Guard = { kind: 'inode', fs, index: inode };
    add('inode', fs + at, inodeSize, 4, guard);
    // The mode, the size, the flags and the block map are what a reader goes by.
    for (const [from, length] of [
      [0, 8],
      [0x1a, 10],
      [0x28, 60],
      [0x80, inodeSize - 0x80],
    ] as const) {
      if (length > 0) add('inode fields', fs + at + from, length, 4, guard);
    }
    const isDirectory = (image[fs + at + 1] ?? 0) >> 4 === 4;
    for (const block of blocks.slice(0, MAX_BLOCKS)) {
      const kind = path === '<8>' ? 'journal' : isDirectory ? 'directory' : 'content';
      const own: Guard | null = isDirectory ? { kind: 'directory', fs, index: inode } : null;
      add(kind, fs + block * blockSize, blockSize, kind === 'content' ? 1 : 4, own);
    }
    for (const pointer of [12, 13, 14]) {
      const mapped = new DataView(image.buffer, image.byteOffset + fs + at + 0x28, 60);
      const isMap = (mapped.getUint16(0, true) as number) !== 0xf30a && blocks.length > 12;
      const block = isMap ? mapped.getUint32(pointer * 4, true) : 0;
      if (block > 0) add('indirect blocks', fs + block * blockSize, blockSize, 4);
    }
  }
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const end = Math.min(image.length, fs + geometry.blocks * blockSize);
  for (let at = fs + blockSize; at + blockSize <= end; at += blockSize) {
    if (view.getUint16(at, true) === 0xf30a) {
      const block = Buffer.from(image.subarray(at, at + blockSize));
      const owner = inodes.find(
        (inode) => extentsChecksum(block, inodeChecksumSeed(geometry, inode)).matches,
      );
      add('extents', at, blockSize, 4, owner === undefined ? null : { kind: 'extents', fs, index: owner });
    }
    if (view.getUint32(at, false) === 0xc03b3998) {
      add('journal head', at, 64, 4);
      add('journal blocks', at, blockSize, 4);
    }
  }
  return places;
}

type Looked = { path: string; inode: number; at: number; blocks: number[] };

/** Where each path's inode and blocks are, in one run of debugfs. */
export async function look(file: string, paths: readonly string[]): Promise<Looked[]> {
  const commands = paths.flatMap((path) => [`imap "${path}"`, `blocks "${path}"`]);
  const text = (await run('debugfs', ['-f', '-', file], { input: `${commands.join('\n')}\n` })).toString();
  const found: Looked[] = [];
  for (const [index, part] of text
    .split(/^debugfs: imap .*\n/m)
    .slice(1)
    .entries()) {
    const inode = /^Inode (\d+) is part of/m.exec(part)?.[1];
    const [, block, offset] = /located at block (\d+), offset 0x([0-9a-f]+)/.exec(part) ?? [];
    if (inode === undefined || block === undefined || offset === undefined) continue;
    const blocks = (/^debugfs: blocks .*\n([\d \n]*)/m.exec(part)?.[1] ?? '')
      .split(/\s+/)
      .flatMap((number) => (number === '' || number === '0' ? [] : [Number(number)]));
    const blockSize = await blockSizeOf(file);
    const at = Number(block) * blockSize + Number.parseInt(offset, 16);
    found.push({ path: paths[index] ?? '', inode: Number(inode), at, blocks });
  }
  return found;
}

const blockSizes = new Map<string, number>();

async function blockSizeOf(file: string): Promise<number> {
  const known = blockSizes.get(file);
  if (known !== undefined) return known;
  const text = (await run('debugfs', ['-R', 'show_super_stats -h', file])).toString();
  const size = Number(/^Block size:\s+(\d+)$/m.exec(text)?.[1]);
  blockSizes.set(file, size);
  return size;
}
