import { le16, le32, u8 } from '../../bytes.ts';
import { DiskError } from '../../error.ts';
import type { DirectoryBlocks } from './directory.ts';
import { findIn } from './dirents.ts';
import { Incompat } from './features.ts';
import { directoryHash, type HashVersion } from './hash.ts';
import type { Inode } from './inode.ts';
import type { ExtVolume } from './volume.ts';

const versions: readonly HashVersion[] = ['legacy', 'half_md4', 'tea'];

/** Index entries of a root or node: `{ hash, block }` from byte `start` on, the first without a hash. */
type Level = { bytes: Uint8Array; start: number; count: number; index: number };

/**
 * Looks a name up by the directory's hash index: one block for each level and the leaf, and its neighbours
 * where names of the same hash spill over. Returns undefined where the index does not help (a hash version
 * this reader does not know, a tree that is damaged): the caller then scans.
 */
export function lookupIndexed(
  volume: ExtVolume,
  inode: Inode,
  blocks: DirectoryBlocks,
  name: Uint8Array,
): number | null | undefined {
  try {
    const root = blocks.get(0);
    const hash = hashFor(volume, root.bytes, name);
    if (hash === undefined) return undefined;
    const levels = u8(root.bytes, 0x1e);
    if (levels > (volume.superblock.incompat & Incompat.large_dir ? 2 : 1)) return undefined;
    const path: Level[] = [];
    let start = 0x18 + u8(root.bytes, 0x1d);
    let bytes = root.bytes;
    for (let depth = 0; ; depth++) {
      const level = levelOf(bytes, start, hash);
      if (level === undefined) return undefined;
      path.push(level);
      if (depth === levels) break;
      const node = blocks.get(childOf(level));
      bytes = node.bytes;
      start = 8;
    }
    return searchLeaves(volume, inode, blocks, path, hash, name);
  } catch (error) {
    if (error instanceof DiskError && error.kind === 'damage') return undefined;
    throw error;
  }
}

function hashFor(volume: ExtVolume, root: Uint8Array, name: Uint8Array): number | undefined {
  const sb = volume.superblock;
  const infoLength = u8(root, 0x1d);
  if (le32(root, 0x18) !== 0 || infoLength !== 8) return undefined;
  const stored = u8(root, 0x1c);
  // 3 to 5 are the unsigned variants; 0 to 2 are unsigned too when the superblock says so.
  const version = versions[stored % 3];
  if (stored > 5 || version === undefined) return undefined;
  const signed = stored >= 3 ? false : sb.signedHash;
  // Where nobody says which, a name of ASCII hashes the same both ways; another is scanned for.
  if (signed === null && name.some((byte) => byte > 127)) return undefined;
  return directoryHash(name, version, signed ?? true, sb.hashSeed);
}

/** The level's entries, at the last whose hash is not above the one looked for. */
function levelOf(bytes: Uint8Array, start: number, hash: number): Level | undefined {
  const limit = le16(bytes, start);
  const count = le16(bytes, start + 2);
  if (count === 0 || count > limit || start + limit * 8 > bytes.length) return undefined;
  let low = 1;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (le32(bytes, start + middle * 8) <= hash) low = middle + 1;
    else high = middle;
  }
  return { bytes, start, count, index: low - 1 };
}

function childOf({ bytes, start, index }: Level): number {
  return le32(bytes, start + index * 8 + 4) & 0x0fffffff;
}

function searchLeaves(
  volume: ExtVolume,
  inode: Inode,
  blocks: DirectoryBlocks,
  path: Level[],
  hash: number,
  name: Uint8Array,
): number | null {
  for (;;) {
    const bottom = path[path.length - 1];
    if (bottom === undefined) return null;
    const leaf = blocks.get(childOf(bottom));
    const found = findIn(volume, inode, leaf.bytes, leaf.at, name);
    if (found !== null) return found;
    if (!advance(blocks, path, hash)) return null;
  }
}

/** Steps to the next leaf if it goes on with the same hash: its index entry then has the lowest bit set. */
function advance(blocks: DirectoryBlocks, path: Level[], hash: number): boolean {
  let depth = path.length - 1;
  while (depth >= 0) {
    const level = path[depth];
    if (level !== undefined && level.index + 1 < level.count) break;
    depth--;
  }
  const level = path[depth];
  if (level === undefined) return false;
  const next = le32(level.bytes, level.start + (level.index + 1) * 8);
  if (next !== hash + 1) return false;
  level.index++;
  for (let below = depth + 1; below < path.length; below++) {
    const parent = path[below - 1];
    if (parent === undefined) return false;
    const node = blocks.get(childOf(parent)).bytes;
    const first = levelOf(node, 8, 0);
    if (first === undefined) return false;
    path[below] = { ...first, index: 0 };
  }
  return true;
}
