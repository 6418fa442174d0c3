import { DiskError, limit } from '../../error.ts';
import { bytesOf, type Name, nameOf } from '../../name.ts';
import type { Entry } from '../filesystem.ts';
import { type Dirent, dirents, isNamed, verifyDirectoryBlock } from './dirents.ts';
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
/** Damaged blocks of one directory that are stepped over, so that the entries of the others are found. */
const maxDamaged = 16;

/**
 * Bytes of directories read in all, for each entry of limits.maxEntries: far more than any name takes, and an
 * end for directories of a billion blocks that are all the same one.
 */
const bytesPerEntry = 1024;

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
  #bytesRead = 0;

  constructor(volume: ExtVolume, xattrs: Xattrs) {
    this.#volume = volume;
    this.#xattrs = xattrs;
  }

  /**
   * Entries but `.` and `..`, in stored order. A name that no path can hold is damage. Where a block is
   * damaged the entries of the others come first, and then the damage is thrown.
   */
  *list(inode: Inode): Iterable<Entry> {
    let entries = 0;
    for (const { bytes, at, entry } of this.#entries(inode)) {
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

  /** The inode of an entry. `.` and `..` are not entries: whoever walks paths knows where it came from. */
  lookup(inode: Inode, name: Name): number | null {
    if (name === '' || name === '.' || name === '..' || name.includes('/')) return null;
    const remembered = this.#remembered.get(inode.number);
    if (remembered !== undefined) return remembered.get(name) ?? null;
    const indexed =
      inode.flags & InodeFlag.index && !(inode.flags & (InodeFlag.inlineData | InodeFlag.casefold));
    if (indexed) {
      const found = lookupIndexed(this.#volume, inode, this.#blocksOf(inode), bytesOf(name));
      if (found !== undefined) return found;
    }
    return this.#scan(inode, name);
  }

  /** Reads entry by entry; a directory of many blocks to its end, so that the next look-up costs nothing. */
  #scan(inode: Inode, name: Name): number | null {
    const isLarge = inode.size > scanCheaply * this.#volume.superblock.blockSize;
    // An entry takes 12 bytes at least, most take more: what cannot be kept is not collected.
    const names = isLarge && inode.size <= maxRemembered * 48 ? new Map<Name, number>() : null;
    const wanted = bytesOf(name);
    let found: number | null = null;
    try {
      for (const { bytes, entry } of this.#entries(inode)) {
        if (found === null && isNamed(bytes, entry, wanted)) {
          found = entry.ino;
          if (names === null) return found;
        }
        names?.set(nameOf(bytes.subarray(entry.nameFrom, entry.nameEnd)), entry.ino);
      }
    } catch (error) {
      if (found !== null && error instanceof DiskError) return found;
      throw error;
    }
    if (names !== null && names.size <= maxRemembered) this.#remember(inode, names);
    return found;
  }

  #remember(inode: Inode, names: ReadonlyMap<Name, number>): void {
    if (this.#rememberedNames + names.size > maxRemembered) {
      this.#remembered.clear();
      this.#rememberedNames = 0;
    }
    this.#remembered.set(inode.number, names);
    this.#rememberedNames += names.size;
  }

  /** All entries in use of all blocks that can be read; then the first damage met on the way, if any. */
  *#entries(inode: Inode): Iterable<{ bytes: Uint8Array; at: number; entry: Dirent }> {
    let damaged = 0;
    let first: DiskError | undefined;
    for (const region of this.#regions(inode)) {
      try {
        const { bytes, at } = region();
        for (const entry of dirents(this.#volume, inode, bytes, at)) yield { bytes, at, entry };
      } catch (error) {
        if (!(error instanceof DiskError) || error.kind !== 'damage') throw error;
        first ??= error;
        if (++damaged > maxDamaged) break;
      }
    }
    if (first !== undefined) throw first;
  }

  /** The parts of a directory that hold entries, each a row of whole records, read when called. */
  *#regions(inode: Inode): Iterable<() => { bytes: Uint8Array; at: number }> {
    if (!(inode.flags & InodeFlag.inlineData)) {
      const blocks = this.#blocksOf(inode);
      for (let index = 0; index < blocks.count; index++) yield () => blocks.get(index);
      return;
    }
    // The first four bytes are the parent's inode; there are no `.` and `..`.
    const first = Math.min(blockAreaSize, inode.size);
    if (first > 4) {
      const at = inode.at + blockArea + 4;
      yield () => ({ bytes: inode.raw.subarray(blockArea + 4, blockArea + first), at });
    }
    yield () => this.#xattrs.inlineRest(inode);
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
    const count = inode.size / blockSize;
    // A directory has no holes, so it is no larger than its filesystem.
    if (count > this.#volume.superblock.blocks) {
      throw this.#volume.damage(
        inode.at + 4,
        'a directory smaller than its filesystem',
        `${inode.size} bytes`,
      );
    }
    if (count > this.#volume.limits.maxEntries) {
      throw limit(layer, 'maxEntries', `directory inode ${inode.number} has ${count} blocks`);
    }
    const runs = mapping(this.#volume, inode);
    const blocks = {
      count,
      get: (index: number) => {
        this.#bytesRead += blockSize;
        if (this.#bytesRead > this.#volume.limits.maxEntries * bytesPerEntry) {
          throw limit(layer, 'maxEntries', `${this.#bytesRead} bytes of directories were read`);
        }
        return directoryBlock(this.#volume, inode, runs, index);
      },
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
