import { le32 } from '../../bytes.ts';
import { blockArea, type Inode } from './inode.ts';
import { Lru } from './lru.ts';
import type { BlockRuns, Run } from './mapping.ts';
import type { ExtVolume } from './volume.ts';

const direct = 12;

/**
 * The block map of ext2 and ext3: twelve direct pointers, then one, two and three levels of pointer blocks.
 * The number of levels is fixed by the file block, so a map that points back at itself ends all the same.
 */
export function blockMap(volume: ExtVolume, inode: Inode, root: Uint8Array): BlockRuns {
  const perBlock = volume.superblock.blockSize / 4;
  const tables = new Lru<number, Uint8Array>(16);

  const table = (block: number, from: number): Uint8Array => {
    const known = tables.get(block);
    if (known !== undefined) return known;
    const bytes = volume.block(block, from);
    tables.set(block, bytes);
    return bytes;
  };

  /** The run of pointers that goes on from entry `index` of a table: consecutive blocks, or zeroes. */
  const scan = (pointers: Uint8Array, at: number, index: number, end: number): Run => {
    const physical = le32(pointers, index * 4);
    let count = 1;
    if (physical === 0) {
      while (index + count < end && le32(pointers, (index + count) * 4) === 0) count++;
      return { kind: 'hole', physical: 0, count };
    }
    while (index + count < end && le32(pointers, (index + count) * 4) === physical + count) count++;
    if (!volume.holds(physical, count)) {
      throw volume.damage(
        at + index * 4,
        `blocks inside the filesystem's ${volume.superblock.blocks} in the map of inode ${inode.number}`,
        `block ${physical}`,
      );
    }
    return { kind: 'data', physical, count };
  };

  return (block: number): Run => {
    if (block < direct) return scan(root, inode.at + blockArea, block, direct);
    let rest = block - direct;
    let level = 1;
    let span = perBlock; // file blocks under one pointer of the inode at this level
    while (level <= 3 && rest >= span) {
      rest -= span;
      span *= perBlock;
      level++;
    }
    if (level > 3) return { kind: 'hole', physical: 0, count: Number.MAX_SAFE_INTEGER };
    let pointers = root;
    let at = inode.at + blockArea;
    let index = direct + level - 1;
    for (; level > 0; level--) {
      const next = le32(pointers, index * 4);
      if (next === 0) return { kind: 'hole', physical: 0, count: span - rest };
      pointers = table(next, at + index * 4);
      at = next * volume.superblock.blockSize;
      span /= perBlock;
      index = Math.floor(rest / span);
      rest %= span;
    }
    return scan(pointers, at, index, perBlock);
  };
}
