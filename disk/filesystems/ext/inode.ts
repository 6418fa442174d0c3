import { le16, le32 } from '../../bytes.ts';
import { crc32c, crc32cLe32 } from '../../crc32c.ts';
import type { FileType, Ino, Stat, Time } from '../filesystem.ts';
import { Incompat, RoCompat } from './features.ts';
import { Groups } from './groups.ts';
import { Lru } from './lru.ts';
import type { ExtVolume } from './volume.ts';

const two32 = 2 ** 32;

/** Inode flags that change how an inode is read. */
export const InodeFlag = {
  encrypt: 0x800,
  index: 0x1000,
  hugeFile: 0x40000,
  extents: 0x80000,
  inlineData: 0x10000000,
  casefold: 0x40000000,
} as const;

/** An inode as stored, with what every reader of it needs. Layout: filesystems/ext4/inodes.rst. */
export type Inode = {
  readonly number: number;
  /** Byte of the filesystem where it is stored. */
  readonly at: number;
  readonly raw: Uint8Array;
  readonly type: FileType;
  readonly flags: number;
  /** Bytes; what the inode claims, whatever is mapped. */
  readonly size: number;
  /** Bytes of the inode in use beyond the first 128. */
  readonly extraSize: number;
  /** CRC-32C state that checksums of this inode's metadata blocks start from. */
  readonly checksumSeed: number;
};

/** Byte within the inode where the 60 bytes of block pointers, extents, inline data or symlink begin. */
export const blockArea = 0x28;
export const blockAreaSize = 60;

const types: readonly FileType[] = [
  'unknown',
  'fifo',
  'character',
  'unknown',
  'directory',
  'unknown',
  'block',
  'unknown',
  'file',
  'unknown',
  'symlink',
  'unknown',
  'socket',
];

/** The inode table; parsed inodes are kept in a bounded cache. */
export class Inodes {
  readonly #volume: ExtVolume;
  readonly #groups: Groups;
  readonly #cache: Lru<number, Inode>;

  constructor(volume: ExtVolume) {
    this.#volume = volume;
    this.#groups = new Groups(volume);
    this.#cache = new Lru(Math.max(32, Math.min(4096, (2 * 1024 ** 2) / volume.superblock.inodeSize)));
  }

  /** The inode in use under that number. Throws damage where there is none, or its checksum is wrong. */
  get(ino: Ino): Inode {
    const number = Number(ino);
    const cached = this.#cache.get(number);
    if (cached !== undefined) return cached;
    const inode = this.#read(number);
    this.#cache.set(number, inode);
    return inode;
  }

  #read(number: number): Inode {
    const volume = this.#volume;
    const sb = volume.superblock;
    if (!Number.isInteger(number) || number < 1 || number > sb.inodes) {
      throw volume.damage(sb.at, `an inode number from 1 to ${sb.inodes}`, `${number}`);
    }
    const group = Math.floor((number - 1) / sb.inodesPerGroup);
    const index = (number - 1) % sb.inodesPerGroup;
    const at = this.#groups.inodeTable(group) * sb.blockSize + index * sb.inodeSize;
    const raw = new Uint8Array(sb.inodeSize);
    volume.readInto(raw, at);

    const mode = le16(raw, 0);
    if (mode === 0 || le16(raw, 0x1a) === 0) {
      throw volume.damage(at, `inode ${number} in use`, 'a free inode');
    }
    const extraSize = sb.inodeSize > 128 ? le16(raw, 0x80) : 0;
    if (128 + extraSize > sb.inodeSize || extraSize % 4 !== 0) {
      throw volume.damage(at + 0x80, `at most ${sb.inodeSize - 128} extra bytes, in fours`, `${extraSize}`);
    }
    const checksumSeed = crc32cLe32(crc32cLe32(sb.checksumSeed, number), le32(raw, 0x64));
    if (sb.metadataChecksums) verify(volume, raw, at, number, extraSize, checksumSeed);

    const type = types[mode >>> 12] ?? 'unknown';
    const bigSize = type === 'file' || (sb.incompat & Incompat.large_dir) !== 0;
    const size = le32(raw, 4) + (bigSize ? le32(raw, 0x6c) * two32 : 0);
    if (size > Number.MAX_SAFE_INTEGER) throw volume.damage(at + 0x6c, 'a size below 2^53', `${size}`);
    return { number, at, raw, type, flags: le32(raw, 0x20), size, extraSize, checksumSeed };
  }
}

function verify(
  volume: ExtVolume,
  raw: Uint8Array,
  at: number,
  number: number,
  extraSize: number,
  seed: number,
): void {
  const zero = new Uint8Array(2);
  const wide = extraSize >= 4;
  let crc = crc32c(seed, raw, 0, 0x7c);
  crc = crc32c(crc, zero);
  crc = crc32c(crc, raw, 0x7e, 128);
  if (wide) {
    crc = crc32c(crc, raw, 128, 0x82);
    crc = crc32c(crc, zero);
    crc = crc32c(crc, raw, 0x84);
  } else {
    crc = crc32c(crc, raw, 128);
  }
  const stored = le16(raw, 0x7c) + (wide ? le16(raw, 0x82) * 0x10000 : 0);
  const computed = wide ? crc : crc & 0xffff;
  if (stored !== computed) {
    throw volume.damage(
      at + 0x7c,
      `checksum 0x${computed.toString(16)} of inode ${number}`,
      `0x${stored.toString(16)}`,
    );
  }
}

/** The inode's metadata. */
export function statOf(volume: ExtVolume, inode: Inode): Stat {
  const { raw, type } = inode;
  const huge = (volume.superblock.roCompat & RoCompat.huge_file) !== 0;
  const units = le32(raw, 0x1c) + (huge ? le16(raw, 0x74) * two32 : 0);
  const unit = huge && inode.flags & InodeFlag.hugeFile ? volume.superblock.blockSize : 512;
  return {
    ino: inode.number,
    type,
    mode: le16(raw, 0) & 0o7777,
    uid: le16(raw, 2) + le16(raw, 0x78) * 0x10000,
    gid: le16(raw, 0x18) + le16(raw, 0x7a) * 0x10000,
    links: le16(raw, 0x1a),
    size: inode.size,
    allocated: units * unit,
    device: type === 'block' || type === 'character' ? deviceOf(raw) : null,
    atime: timeOf(inode, 0x08, 0x8c),
    mtime: timeOf(inode, 0x10, 0x88),
    ctime: timeOf(inode, 0x0c, 0x84),
    btime: inode.extraSize >= 0x94 - 128 ? timeOf(inode, 0x90, 0x94) : null,
  };
}

/** Seconds are signed; the extra field, where the inode has room for it, adds two epoch bits and nanoseconds. */
function timeOf({ raw, extraSize }: Inode, base: number, extra: number): Time {
  const more = 128 + extraSize >= extra + 4 ? le32(raw, extra) : 0;
  return { seconds: (le32(raw, base) | 0) + (more & 3) * two32, nanoseconds: more >>> 2, zone: 'utc' };
}

/** Old encoding (8 bits each) in the first block pointer, new encoding (12 and 20 bits) in the second. */
function deviceOf(raw: Uint8Array): { major: number; minor: number } {
  const old = le32(raw, blockArea);
  if (old !== 0) return { major: (old >>> 8) & 0xff, minor: old & 0xff };
  const wide = le32(raw, blockArea + 4);
  return { major: (wide >>> 8) & 0xfff, minor: (wide & 0xff) | ((wide >>> 12) & 0xfff00) };
}
