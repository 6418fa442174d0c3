import { limit } from '../../error.ts';
import { bytesOf, type Name, nameOf } from '../../name.ts';
import type { Entry } from '../filesystem.ts';
import { dirents, findIn, verifyDirectoryBlock } from './dirents.ts';
import { lookupIndexed } from './htree.ts';
import { blockArea, blockAreaSize, type Inode, InodeFlag } from './inode.ts';
import { Lru } from './lru.ts';
import { type BlockRuns, mapping } from './mapping.ts';
import { layer } from './superblock.ts';
import type { ExtVolume } from './volume.ts';
import type { Xattrs } from './xattrs.ts';

/** Directories of more blocks than this are remembered by name once they had to be scanned. */
const scanCheaply = 4;
/** Names of scanned directories kept; a directory with more is scanned each time. */
const maxRemembered = 100_000;

/** A directory's blocks by number: the bytes, checked by their checksum, and where they lie. */
export type DirectoryBlocks = {
  readonly count: number;
  readonly get: (index: number) => { bytes: Uint8Array; at: number };
};

/** Directories: linear, indexed by hash, or inline in the inode. */
export class Directories {
  readonly #volume: ExtVolume;
  readonly #xattrs: Xattrs;
  readonly #blocks = new Lru<number, DirectoryBlocks>(256);
  readonly #remembered = new Map<number, ReadonlyMap<Name, number>>();
  #rememberedNames = 0;

  constructor(volume: ExtVolume, xattrs: Xattrs) {
    this.#volume = volume;
    this.#xattrs = xattrs;
  }

  /** Entries but `.` and `..`, in stored order. A name that no path can hold is damage. */
  *list(inode: Inode): Iterable<Entry> {
    let entries = 0;
    for (const { bytes, at } of this.#regions(inode)) {
      for (const entry of dirents(this.#volume, inode, bytes, at)) {
        const name = nameOf(bytes.subarray(entry.nameFrom, entry.nameEnd));
        if (name === '.' || name === '..') continue;
        if (name === '' || name.includes('/') || name.includes('\0')) {
          throw this.#volume.damage(
            at + entry.nameFrom,
            `a file name in directory inode ${inode.number}`,
            JSON.stringify(name),
          );
        }
        if (++entries > this.#volume.limits.maxEntries) {
          throw limit(layer, 'maxEntries', `directory inode ${inode.number} has more entries`);
        }
        yield { name, ino: entry.ino, type: entry.type };
      }
    }
  }

  /** The inode of an entry. `.` and `..` are not entries: whoever walks paths knows where it came from. */
  lookup(inode: Inode, name: Name): number | null {
    if (name === '' || name === '.' || name === '..' || name.includes('/')) return null;
    const indexed =
      inode.flags & InodeFlag.index && !(inode.flags & (InodeFlag.inlineData | InodeFlag.casefold));
    if (indexed) {
      const found = lookupIndexed(this.#volume, inode, this.#blocksOf(inode), bytesOf(name));
      if (found !== undefined) return found;
    }
    return this.#scan(inode, name);
  }

  #scan(inode: Inode, name: Name): number | null {
    const remembered = this.#remembered.get(inode.number);
    if (remembered !== undefined) return remembered.get(name) ?? null;
    if (inode.size > scanCheaply * this.#volume.superblock.blockSize) {
      const all = this.#remember(inode);
      if (all !== null) return all.get(name) ?? null;
    }
    const wanted = bytesOf(name);
    for (const { bytes, at } of this.#regions(inode)) {
      const found = findIn(this.#volume, inode, bytes, at, wanted);
      if (found !== null) return found;
    }
    return null;
  }

  /** Reads the whole directory into a map, so that the next look-up costs nothing; null when it is too big. */
  #remember(inode: Inode): ReadonlyMap<Name, number> | null {
    // An entry takes 12 bytes at least: sure to fit, or else not worth a try each time.
    if (inode.size / 12 > maxRemembered * 4) return null;
    const names = new Map<Name, number>();
    for (const { bytes, at } of this.#regions(inode)) {
      for (const entry of dirents(this.#volume, inode, bytes, at)) {
        const name = nameOf(bytes.subarray(entry.nameFrom, entry.nameEnd));
        if (!names.has(name)) names.set(name, entry.ino);
      }
      if (names.size > maxRemembered) return null;
    }
    if (this.#rememberedNames + names.size > maxRemembered) {
      this.#remembered.clear();
      this.#rememberedNames = 0;
    }
    this.#remembered.set(inode.number, names);
    this.#rememberedNames += names.size;
    return names;
  }

  /** The parts of a directory that hold entries, each a row of whole records. */
  *#regions(inode: Inode): Iterable<{ bytes: Uint8Array; at: number }> {
    if (inode.flags & InodeFlag.inlineData) {
      // The first four bytes are the parent's inode; there are no `.` and `..`.
      const first = Math.min(blockAreaSize, inode.size);
      if (first > 4) {
        yield { bytes: inode.raw.subarray(blockArea + 4, blockArea + first), at: inode.at + blockArea + 4 };
      }
      const rest = this.#xattrs.inlineRest(inode);
      if (rest.bytes.length > 0) yield rest;
      return;
    }
    const blocks = this.#blocksOf(inode);
    for (let index = 0; index < blocks.count; index++) yield blocks.get(index);
  }

  #blocksOf(inode: Inode): DirectoryBlocks {
    const known = this.#blocks.get(inode.number);
    if (known !== undefined) return known;
    const { blockSize } = this.#volume.superblock;
    if (inode.size % blockSize !== 0) {
      throw this.#volume.damage(
        inode.at + 4,
        `a directory of whole blocks of ${blockSize} bytes`,
        `${inode.size} bytes`,
      );
    }
    const runs = mapping(this.#volume, inode);
    const blocks = {
      count: inode.size / blockSize,
      get: (index: number) => directoryBlock(this.#volume, inode, runs, index),
    };
    this.#blocks.set(inode.number, blocks);
    return blocks;
  }
}

function directoryBlock(
  volume: ExtVolume,
  inode: Inode,
  runs: BlockRuns,
  index: number,
): { bytes: Uint8Array; at: number } {
  const run = runs(index);
  if (run.kind !== 'data') {
    throw volume.damage(
      inode.at + blockArea,
      `block ${index} of directory inode ${inode.number}`,
      `a ${run.kind}`,
    );
  }
  const bytes = volume.block(run.physical, inode.at + blockArea);
  const at = run.physical * volume.superblock.blockSize;
  verifyDirectoryBlock(volume, inode, bytes, at);
  return { bytes, at };
}
