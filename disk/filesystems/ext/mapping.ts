import { blockMap } from './blockmap.ts';
import { extentMap } from './extents.ts';
import { blockArea, type Inode, InodeFlag } from './inode.ts';
import type { ExtVolume } from './volume.ts';

/**
 * A run of a file's blocks from the asked one on: `data` at block `physical` of the filesystem, `zero` where
 * space is set aside but unwritten, `hole` where there is none. `count` is at least 1.
 */
export type Run = {
  readonly kind: 'data' | 'zero' | 'hole';
  readonly physical: number;
  readonly count: number;
};

/** Where a file's blocks lie. Every data run it gives is inside the filesystem. */
export type BlockRuns = (block: number) => Run;

/** The inode's mapping: an extent tree or the block map of ext2 and ext3. Throws damage as it goes. */
export function mapping(volume: ExtVolume, inode: Inode): BlockRuns {
  const root = inode.raw.subarray(blockArea, blockArea + 60);
  return inode.flags & InodeFlag.extents ? extentMap(volume, inode, root) : blockMap(volume, inode, root);
}
