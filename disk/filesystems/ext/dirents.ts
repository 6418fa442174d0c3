import { le16, le32, u8 } from '../../bytes.ts';
import { crc32c } from '../../crc32c.ts';
import type { FileType } from '../filesystem.ts';
import { Incompat } from './features.ts';
import { type Inode, InodeFlag } from './inode.ts';
import type { ExtVolume } from './volume.ts';

const types: readonly FileType[] = [
  'unknown',
  'file',
  'directory',
  'character',
  'block',
  'fifo',
  'socket',
  'symlink',
];

/** Where an entry in use lies within its block, and what it names; the name's bytes are not copied. */
export type Dirent = { ino: number; type: FileType; nameFrom: number; nameEnd: number };

/**
 * Walks the entries of one directory block (filesystems/ext4/directory.rst), unused ones left out. `at` is the
 * byte of the filesystem where `b` begins. Every record must be whole and inside the block.
 */
export function* dirents(volume: ExtVolume, inode: Inode, b: Uint8Array, at: number): Iterable<Dirent> {
  const sb = volume.superblock;
  const hasType = (sb.incompat & Incompat.filetype) !== 0;
  const typeMask = sb.incompat & Incompat.dirdata ? 0x0f : 0xff;
  let from = 0;
  while (from < b.length) {
    const length = from + 8 <= b.length ? recordLength(b, from) : 0;
    const nameLength = length >= 8 ? u8(b, from + 6) : 0;
    if (length < 8 || length % 4 !== 0 || from + length > b.length || 8 + nameLength > length) {
      throw volume.damage(
        at + from,
        `a whole entry within ${b.length - from} bytes of directory inode ${inode.number}`,
        `a record of ${length} bytes with a name of ${nameLength}`,
      );
    }
    const ino = le32(b, from);
    if (ino !== 0) {
      if (ino > sb.inodes) {
        throw volume.damage(at + from, `an inode number up to ${sb.inodes}`, `${ino}`);
      }
      const type = hasType ? (types[u8(b, from + 7) & typeMask] ?? 'unknown') : 'unknown';
      yield { ino, type, nameFrom: from + 8, nameEnd: from + 8 + nameLength };
    }
    from += length;
  }
}

/** Record lengths of 64 KiB blocks do not fit: 65535 and 0 stand for the whole block. */
function recordLength(b: Uint8Array, from: number): number {
  const stored = le16(b, from + 4);
  if (b.length < 65_536) return stored;
  return stored === 65_535 || stored === 0 ? b.length : stored;
}

/** The inode of the entry with exactly these bytes for a name, or null. */
export function findIn(
  volume: ExtVolume,
  inode: Inode,
  bytes: Uint8Array,
  at: number,
  wanted: Uint8Array,
): number | null {
  for (const entry of dirents(volume, inode, bytes, at)) {
    if (isNamed(bytes, entry, wanted)) return entry.ino;
  }
  return null;
}

/** Whether the entry has exactly these bytes for a name. */
export function isNamed(bytes: Uint8Array, { nameFrom, nameEnd }: Dirent, wanted: Uint8Array): boolean {
  if (nameEnd - nameFrom !== wanted.length) return false;
  for (let i = 0; i < wanted.length; i++) if (bytes[nameFrom + i] !== wanted[i]) return false;
  return true;
}

/**
 * Checks a directory block's checksum, kept in a fake last entry, or for a block of the hash index after its
 * entries. A block that has no room for one (made before the feature was on) is damage, as for the kernel.
 */
export function verifyDirectoryBlock(volume: ExtVolume, inode: Inode, b: Uint8Array, at: number): void {
  if (!volume.superblock.metadataChecksums) return;
  const index = inode.flags & InodeFlag.index ? indexStart(b) : null;
  let end = b.length - 12;
  let tail = end + 8;
  let computed: number;
  if (index === null) {
    if (le32(b, end) !== 0 || le16(b, end + 4) !== 12 || le16(b, end + 6) !== 0xde00) {
      throw volume.damage(at + end, `a checksum at the end of directory inode ${inode.number}`, 'none');
    }
    computed = crc32c(inode.checksumSeed, b, 0, end);
  } else {
    end = index + le16(b, index + 2) * 8;
    tail = index + le16(b, index) * 8 + 4;
    if (end > tail - 4 || tail + 4 > b.length) {
      throw volume.damage(at + index, 'an index block with room for its checksum', 'none');
    }
    computed = crc32c(inode.checksumSeed, b, 0, end);
    computed = crc32c(computed, b, tail - 4, tail);
    computed = crc32c(computed, new Uint8Array(4));
  }
  const stored = le32(b, tail);
  if (stored !== computed) {
    throw volume.damage(
      at + tail,
      `checksum 0x${computed.toString(16)} of a block of directory inode ${inode.number}`,
      `0x${stored.toString(16)}`,
    );
  }
}

/** Where the index entries of a hash index block begin: in its root or in a node; null for other blocks. */
function indexStart(b: Uint8Array): number | null {
  if (recordLength(b, 0) === b.length) return 8;
  const isRoot =
    recordLength(b, 0) === 12 &&
    recordLength(b, 12) === b.length - 12 &&
    le32(b, 24) === 0 &&
    u8(b, 29) === 8;
  return isRoot ? 32 : null;
}
