import { le16, le32 } from '../../bytes.ts';
import { crc32c, crc32cLe32 } from '../../crc32c.ts';
import { Compat, Incompat, RoCompat } from './features.ts';
import { Lru } from './lru.ts';
import type { ExtVolume } from './volume.ts';

const two32 = 2 ** 32;

/**
 * The group descriptors, read a block at a time when first needed. A descriptor whose checksum is wrong is
 * damage for the inodes of its group only. Layout: filesystems/ext4/group_descr.rst and blockgroup.rst.
 */
export class Groups {
  readonly #volume: ExtVolume;
  readonly #blocks = new Lru<number, Uint8Array>(16);

  constructor(volume: ExtVolume) {
    this.#volume = volume;
  }

  /** First block of the group's inode table. The caller has checked that the group exists. */
  inodeTable(group: number): number {
    const { superblock: sb } = this.#volume;
    const perBlock = Math.floor(sb.blockSize / sb.descriptorSize);
    const index = Math.floor(group / perBlock);
    const block = descriptorBlock(this.#volume, index, perBlock);
    let bytes = this.#blocks.get(index);
    if (bytes === undefined) {
      bytes = this.#volume.block(block, sb.at);
      this.#blocks.set(index, bytes);
    }
    const within = (group % perBlock) * sb.descriptorSize;
    const at = block * sb.blockSize + within;
    const descriptor = bytes.subarray(within, within + sb.descriptorSize);
    this.#verify(descriptor, group, at);
    const table = le32(descriptor, 8) + (sb.descriptorSize >= 64 ? le32(descriptor, 0x28) * two32 : 0);
    const length = Math.ceil((sb.inodesPerGroup * sb.inodeSize) / sb.blockSize);
    if (!this.#volume.holds(table, length)) {
      throw this.#volume.damage(at + 8, `an inode table inside the ${sb.blocks} blocks`, `block ${table}`);
    }
    return table;
  }

  #verify(descriptor: Uint8Array, group: number, at: number): void {
    const { superblock: sb } = this.#volume;
    let computed: number;
    if (sb.metadataChecksums) {
      let crc = crc32cLe32(sb.checksumSeed, group);
      crc = crc32c(crc, descriptor, 0, 0x1e);
      crc = crc32c(crc, new Uint8Array(2));
      computed = crc32c(crc, descriptor, 0x20) & 0xffff;
    } else if (sb.roCompat & RoCompat.uninit_bg) {
      let crc = crc16(0xffff, sb.uuidBytes);
      crc = crc16(crc, Uint8Array.of(group, group >>> 8, group >>> 16, group >>> 24));
      crc = crc16(crc, descriptor.subarray(0, 0x1e));
      computed = crc16(crc, descriptor.subarray(0x20));
    } else {
      return;
    }
    const stored = le16(descriptor, 0x1e);
    if (stored !== computed) {
      throw this.#volume.damage(
        at + 0x1e,
        `checksum 0x${computed.toString(16)} of the descriptor of group ${group}`,
        `0x${stored.toString(16)}`,
      );
    }
  }
}

/** Where descriptor block `index` lies: after the superblock, or under meta_bg at its own groups' start. */
function descriptorBlock({ superblock: sb }: ExtVolume, index: number, perBlock: number): number {
  // 1 KiB blocks without a first data block (bigalloc): the superblock is in block 1 all the same.
  const shifted = sb.blockSize === 1024 && sb.firstDataBlock === 0 ? 1 : 0;
  if (!(sb.incompat & Incompat.meta_bg) || index < sb.firstMetaGroup) {
    const start = sb.at === 1024 ? sb.firstDataBlock + shifted : Math.floor(sb.at / sb.blockSize);
    return start + 1 + index;
  }
  const group = index * perBlock;
  const first = sb.firstDataBlock + group * sb.blocksPerGroup;
  return first + (hasSuperblock(sb, group) ? 1 : 0) + (group === 0 ? shifted : 0);
}

function hasSuperblock(sb: ExtVolume['superblock'], group: number): boolean {
  if (group === 0) return true;
  if (sb.compat & Compat.sparse_super2) return sb.backupGroups.includes(group);
  if (group === 1 || !(sb.roCompat & RoCompat.sparse_super)) return true;
  return [3, 5, 7].some((base) => {
    let power = base;
    while (power < group) power *= base;
    return power === group;
  });
}

/** CRC-16 as uninit_bg uses it: polynomial 0x8005 reflected, no inversion. */
function crc16(state: number, bytes: Uint8Array): number {
  let crc = state;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
  }
  return crc;
}
