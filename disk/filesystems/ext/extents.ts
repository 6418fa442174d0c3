import { le16, le32 } from '../../bytes.ts';
import { crc32c } from '../../crc32c.ts';
import { blockArea, type Inode } from './inode.ts';
import { Lru } from './lru.ts';
import type { BlockRuns, Run } from './mapping.ts';
import type { ExtVolume } from './volume.ts';

const two32 = 2 ** 32;
/** The kernel's EXT4_MAX_EXTENT_DEPTH. */
const maxDepth = 5;
/** Lengths above this are those of unwritten extents, less this. */
const maxWritten = 32_768;

/** A checked node: entries in ascending order, each pointing into the filesystem. */
type Node = {
  readonly depth: number;
  /** Byte of the filesystem where the node begins. */
  readonly at: number;
  /** First file block of each entry. */
  readonly first: Float64Array;
  /** Blocks of each extent; zero in an index node. */
  readonly count: Float64Array;
  /** Block of each extent's data, or of the child node. */
  readonly physical: Float64Array;
  readonly unwritten: Uint8Array;
};

/**
 * An extent tree (filesystems/ext4/ifork.rst). Depth falls by one with each step down, so a tree that points
 * back at itself ends as damage; entries out of order, or outside their parent's range, are damage too.
 */
export function extentMap(volume: ExtVolume, inode: Inode, rootBytes: Uint8Array): BlockRuns {
  const nodes = new Lru<number, Node>(64);
  let root: Node | undefined;

  const child = (parent: Node, index: number): Node => {
    const block = at(parent.physical, index);
    const known = nodes.get(block);
    if (known !== undefined && known.depth === parent.depth - 1) return known;
    const bytes = volume.block(block, parent.at);
    const node = parse(volume, inode, bytes, block * volume.superblock.blockSize, parent.depth - 1);
    nodes.set(block, node);
    return node;
  };

  return (block: number): Run => {
    root ??= parse(volume, inode, rootBytes, inode.at + blockArea, null);
    let node = root;
    let low = 0;
    let end = two32;
    for (;;) {
      const index = lastAtMost(node.first, block);
      if (node.first.length > 0 && at(node.first, 0) < low) {
        throw volume.damage(node.at, `file blocks from ${low} on`, `${at(node.first, 0)}`);
      }
      if (index + 1 < node.first.length) end = Math.min(end, at(node.first, index + 1));
      if (index < 0) return hole(block, end);
      const first = at(node.first, index);
      if (node.depth === 0) {
        const count = first + at(node.count, index) - block;
        if (count <= 0) return hole(block, end);
        if (block + count > end) {
          throw volume.damage(node.at + 12 + index * 12, `file blocks below ${end}`, `${block + count - 1}`);
        }
        return {
          kind: at(node.unwritten, index) === 1 ? 'zero' : 'data',
          physical: at(node.physical, index) + block - first,
          count,
        };
      }
      low = first;
      node = child(node, index);
    }
  };
}

/** Blocks past 2^32 cannot be mapped: a size that claims more has a hole there. */
function hole(block: number, end: number): Run {
  return { kind: 'hole', physical: 0, count: block < end ? end - block : Number.MAX_SAFE_INTEGER };
}

function at(array: Float64Array | Uint8Array, index: number): number {
  return array[index] ?? 0;
}

function lastAtMost(first: Float64Array, block: number): number {
  let low = 0;
  let high = first.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (at(first, middle) <= block) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function parse(volume: ExtVolume, inode: Inode, b: Uint8Array, nodeAt: number, depth: number | null): Node {
  const bad = (field: number, expected: string, found: string) =>
    volume.damage(nodeAt + field, `${expected} in the extents of inode ${inode.number}`, found);
  const magic = le16(b, 0);
  if (magic !== 0xf30a) throw bad(0, 'magic 0xf30a', `0x${magic.toString(16)}`);
  const entries = le16(b, 2);
  const max = le16(b, 4);
  const stored = le16(b, 6);
  if (depth === null ? stored > maxDepth : stored !== depth) {
    throw bad(6, depth === null ? `a depth of at most ${maxDepth}` : `depth ${depth}`, `${stored}`);
  }
  if (12 + max * 12 > b.length)
    throw bad(4, `room for at most ${Math.floor(b.length / 12) - 1} entries`, `${max}`);
  if (entries > max || (stored > 0 && entries === 0)) throw bad(2, `1 to ${max} entries`, `${entries}`);
  if (depth !== null && volume.superblock.metadataChecksums) {
    const tail = 12 + max * 12;
    if (tail + 4 > b.length) throw bad(4, 'room for a checksum', `${max} entries`);
    const computed = crc32c(inode.checksumSeed, b, 0, tail);
    const found = le32(b, tail);
    if (found !== computed) throw bad(tail, `checksum 0x${computed.toString(16)}`, `0x${found.toString(16)}`);
  }

  const node = {
    depth: stored,
    at: nodeAt,
    first: new Float64Array(entries),
    count: new Float64Array(entries),
    physical: new Float64Array(entries),
    unwritten: new Uint8Array(entries),
  };
  let next = 0;
  for (let i = 0; i < entries; i++) {
    const entry = 12 + i * 12;
    const first = le32(b, entry);
    if (first < next) throw bad(entry, `a file block from ${next} on`, `${first}`);
    let physical: number;
    if (stored > 0) {
      physical = le32(b, entry + 4) + le16(b, entry + 8) * two32;
      next = first + 1;
    } else {
      const length = le16(b, entry + 4);
      const unwritten = length > maxWritten;
      const count = unwritten ? length - maxWritten : length;
      if (count === 0) throw bad(entry + 4, 'an extent of at least one block', '0');
      physical = le32(b, entry + 8) + le16(b, entry + 6) * two32;
      node.count[i] = count;
      node.unwritten[i] = unwritten ? 1 : 0;
      next = first + count;
    }
    if (!volume.holds(physical, stored > 0 ? 1 : at(node.count, i))) {
      throw bad(entry, `blocks inside the filesystem's ${volume.superblock.blocks}`, `block ${physical}`);
    }
    node.first[i] = first;
    node.physical[i] = physical;
  }
  return node;
}
