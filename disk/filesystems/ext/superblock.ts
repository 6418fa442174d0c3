import { le16, le32, u8, uuid } from '../../bytes.ts';
import { crc32c } from '../../crc32c.ts';
import { type BlockDevice, read } from '../../device.ts';
import { type DiskError, damage, unsupported } from '../../error.ts';
import { type Name, nameOf } from '../../name.ts';
import { Incompat, RoCompat, typeOf, unreadable } from './features.ts';

/** The layer that errors of this reader name. */
export const layer = 'ext4';

const superblockAt = 1024;
const superblockSize = 1024;
const two32 = 2 ** 32;

/** What the reader needs of the superblock, checked; sizes in bytes, counts in blocks. */
export type Superblock = {
  /** Byte of the device this copy was read from: 1024, or a backup's. */
  readonly at: number;
  readonly type: 'ext2' | 'ext3' | 'ext4';
  readonly blockSize: number;
  readonly blocks: number;
  readonly freeBlocks: number;
  readonly firstDataBlock: number;
  readonly blocksPerGroup: number;
  readonly groups: number;
  readonly inodes: number;
  readonly inodesPerGroup: number;
  readonly inodeSize: number;
  readonly descriptorSize: number;
  readonly firstMetaGroup: number;
  /** Groups that hold a copy of the superblock under sparse_super2. */
  readonly backupGroups: readonly [number, number];
  readonly compat: number;
  readonly incompat: number;
  readonly roCompat: number;
  /** s_state: 1 unmounted cleanly, 2 errors were seen. */
  readonly stateBits: number;
  readonly uuid: string | null;
  readonly uuidBytes: Uint8Array;
  readonly label: Name | null;
  readonly journalInode: number;
  readonly hashSeed: readonly [number, number, number, number];
  /** Whether directory hashes take bytes as signed; null where the superblock does not say. */
  readonly signedHash: boolean | null;
  /** CRC-32C state that metadata checksums start from. */
  readonly checksumSeed: number;
  readonly metadataChecksums: boolean;
};

/**
 * Reads the superblock, or its first good backup copy when the primary is damaged (a copy's `at` tells).
 * Throws `unsupported` for features by name, and the primary's damage when no copy is good either.
 * Layout: kernel documentation, filesystems/ext4/super.rst.
 */
export function readSuperblock(device: BlockDevice): Superblock {
  const primary = parseSuperblock(device, superblockAt);
  if (!isError(primary)) return primary;
  if (primary.kind !== 'damage') throw primary;
  for (let blockSize = 1024; blockSize <= 65_536; blockSize *= 2) {
    // Group 1 begins where the one bitmap block of group 0 ends, unless mke2fs was told otherwise.
    const group1 = blockSize * 8 + (blockSize === 1024 ? 1 : 0);
    const copy = parseSuperblock(device, group1 * blockSize);
    if (!isError(copy) && copy.blockSize === blockSize) return copy;
  }
  throw primary;
}

function isError(result: Superblock | DiskError): result is DiskError {
  return result instanceof Error;
}

function parseSuperblock(device: BlockDevice, at: number): Superblock | DiskError {
  const bad = (field: number, expected: string, found: string) =>
    damage(layer, device, at + field, expected, found);
  if (at + superblockSize > device.size) {
    return bad(0, `a superblock of ${superblockSize} bytes`, `a device of ${device.size} bytes`);
  }
  const b = read(device, at, superblockSize);
  const magic = le16(b, 0x38);
  if (magic !== 0xef53) return bad(0x38, 'magic 0xef53', `0x${magic.toString(16)}`);

  const revision = le32(b, 0x4c);
  const dynamic = revision >= 1;
  const compat = dynamic ? le32(b, 0x5c) : 0;
  const incompat = dynamic ? le32(b, 0x60) : 0;
  const roCompat = dynamic ? le32(b, 0x64) : 0;
  const metadataChecksums = (roCompat & RoCompat.metadata_csum) !== 0;
  if (metadataChecksums) {
    const stored = le32(b, 0x3fc);
    const computed = crc32c(0xffffffff, b, 0, 0x3fc);
    if (stored !== computed) {
      return bad(0x3fc, `superblock checksum 0x${computed.toString(16)}`, `0x${stored.toString(16)}`);
    }
  }
  const refused = unreadable(incompat);
  if (refused.length > 0) {
    return unsupported(
      layer,
      device,
      at + 0x60,
      refused.join(', '),
      'an incompatible feature of the superblock',
    );
  }

  const is64 = (incompat & Incompat['64bit']) !== 0;
  const bigalloc = (roCompat & RoCompat.bigalloc) !== 0;
  const logBlock = le32(b, 0x18);
  if (logBlock > 6) return bad(0x18, 'a block size of 1 to 64 KiB', `2^${logBlock} KiB`);
  const blockSize = 1024 << logBlock;
  const blocks = le32(b, 0x04) + (is64 ? le32(b, 0x150) * two32 : 0);
  if (blocks * blockSize > Number.MAX_SAFE_INTEGER)
    return bad(0x150, 'at most 2^53 bytes', `${blocks} blocks`);
  const firstDataBlock = le32(b, 0x14);
  const logCluster = le32(b, 0x1c);
  const wantedFirst = blockSize === 1024 && !(bigalloc && logCluster > 0) ? 1 : 0;
  if (firstDataBlock !== wantedFirst) return bad(0x14, `first block ${wantedFirst}`, `${firstDataBlock}`);
  if (blocks <= firstDataBlock) return bad(0x04, 'blocks in the filesystem', `${blocks}`);

  if (bigalloc && (logCluster < logBlock || logCluster > 20)) {
    return bad(0x1c, 'a cluster size from the block size to 1 GiB', `2^${logCluster} KiB`);
  }
  const clusterBlocks = bigalloc ? 2 ** (logCluster - logBlock) : 1;
  const blocksPerGroup = le32(b, 0x20);
  if (blocksPerGroup === 0 || blocksPerGroup > blockSize * 8 * clusterBlocks) {
    return bad(0x20, `1 to ${blockSize * 8 * clusterBlocks} blocks a group`, `${blocksPerGroup}`);
  }
  const inodesPerGroup = le32(b, 0x28);
  if (inodesPerGroup === 0 || inodesPerGroup > blockSize * 8) {
    return bad(0x28, `1 to ${blockSize * 8} inodes a group`, `${inodesPerGroup}`);
  }
  const groups = Math.ceil((blocks - firstDataBlock) / blocksPerGroup);
  const inodes = le32(b, 0x00);
  if (inodes === 0 || inodes > groups * inodesPerGroup) {
    return bad(0x00, `1 to ${groups * inodesPerGroup} inodes`, `${inodes}`);
  }
  const firstInode = dynamic ? le32(b, 0x54) : 11;
  if (firstInode < 11 || firstInode > inodes) return bad(0x54, 'a first inode from 11 on', `${firstInode}`);
  const inodeSize = dynamic ? le16(b, 0x58) : 128;
  if (inodeSize < 128 || inodeSize > blockSize || (inodeSize & (inodeSize - 1)) !== 0) {
    return bad(0x58, `an inode size of 128 to ${blockSize}, a power of two`, `${inodeSize}`);
  }
  const descriptorSize = is64 ? le16(b, 0xfe) : 32;
  if (
    is64 &&
    (descriptorSize < 64 || descriptorSize > 1024 || (descriptorSize & (descriptorSize - 1)) !== 0)
  ) {
    return bad(0xfe, 'a group descriptor size of 64 to 1024, a power of two', `${descriptorSize}`);
  }

  const uuidBytes = b.slice(0x68, 0x78);
  const label = b.subarray(0x78, 0x88);
  const labelEnd = label.indexOf(0);
  const labelBytes = labelEnd === -1 ? label : label.subarray(0, labelEnd);
  const flags = le32(b, 0x160);
  return {
    at,
    type: typeOf(compat, incompat, roCompat),
    blockSize,
    blocks,
    freeBlocks: le32(b, 0x0c) + (is64 ? le32(b, 0x158) * two32 : 0),
    firstDataBlock,
    blocksPerGroup,
    groups,
    inodes,
    inodesPerGroup,
    inodeSize,
    descriptorSize,
    firstMetaGroup: le32(b, 0x104),
    backupGroups: [le32(b, 0x24c), le32(b, 0x250)],
    compat,
    incompat,
    roCompat,
    stateBits: le16(b, 0x3a),
    uuid: uuidBytes.every((byte) => byte === 0) ? null : uuid(b, 0x68),
    uuidBytes,
    label: labelBytes.length === 0 ? null : nameOf(labelBytes),
    journalInode: le32(b, 0xe0),
    hashSeed: [le32(b, 0xec), le32(b, 0xf0), le32(b, 0xf4), le32(b, 0xf8)],
    signedHash: flags & 2 ? false : flags & 1 ? true : null,
    checksumSeed: incompat & Incompat.metadata_csum_seed ? le32(b, 0x270) : crc32c(0xffffffff, uuidBytes),
    metadataChecksums: metadataChecksums && u8(b, 0x175) === 1,
  };
}
