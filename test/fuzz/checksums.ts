import { crc32 } from 'node:zlib';
import { crc32c, crc32cLe32 } from '../../disk/crc32c.ts';
import type { MutatedImage } from './image.ts';
import type { Guard, Place } from './seeds/place.ts';

/** What checksums of an ext filesystem depend on. It begins at byte `fs`. */
export type ExtGeometry = {
  readonly fs: number;
  readonly blockSize: number;
  readonly blocks: number;
  readonly firstDataBlock: number;
  readonly groups: number;
  readonly descriptorSize: number;
  readonly inodeSize: number;
  readonly inodesPerGroup: number;
  readonly metadataChecksums: boolean;
  readonly groupChecksums: boolean;
  readonly uuid: Buffer;
  readonly read: (at: number, length: number) => Buffer;
};

/** The geometry that a superblock states. */
export function extGeometry(read: ExtGeometry['read'], fs: number): ExtGeometry {
  const b = read(fs + 1024, 1024);
  const blockSize = 1024 << (b.readUInt32LE(0x18) & 7);
  const blocks = b.readUInt32LE(4);
  const firstDataBlock = b.readUInt32LE(0x14);
  return {
    fs,
    blockSize,
    blocks,
    firstDataBlock,
    groups: Math.min(64, Math.ceil((blocks - firstDataBlock) / Math.max(1, b.readUInt32LE(0x20)))),
    descriptorSize: (b.readUInt32LE(0x60) & 0x80) !== 0 ? b.readUInt16LE(0xfe) : 32,
    inodeSize: b.readUInt16LE(0x58),
    inodesPerGroup: b.readUInt32LE(0x28),
    metadataChecksums: (b.readUInt32LE(0x64) & 0x400) !== 0,
    groupChecksums: (b.readUInt32LE(0x64) & 0x10) !== 0,
    uuid: b.subarray(0x68, 0x78),
    read,
  };
}

/** CRC-32C state that the checksums of an inode's blocks start from; 0 where the inode cannot be found. */
export function inodeChecksumSeed(geometry: ExtGeometry, inode: number): number {
  const at = inodeAt(geometry, inode);
  const generation = geometry.read(at + 0x64, 4).readUInt32LE(0);
  return crc32cLe32(crc32cLe32(crc32c(0xffffffff, geometry.uuid), inode), generation);
}

function inodeAt(
  { read, fs, blockSize, firstDataBlock, descriptorSize, inodesPerGroup, inodeSize }: ExtGeometry,
  inode: number,
): number {
  const group = Math.floor((inode - 1) / Math.max(1, inodesPerGroup));
  const descriptor = read(fs + (firstDataBlock + 1) * blockSize + group * descriptorSize, 32);
  return (
    fs + descriptor.readUInt32LE(8) * blockSize + ((inode - 1) % Math.max(1, inodesPerGroup)) * inodeSize
  );
}

/** The checksum behind the entries of an extent block: where it belongs, what it is, whether it stands there. */
export function extentsChecksum(
  block: Buffer,
  seed: number,
): { at: number; value: number; matches: boolean } {
  const at = 12 + block.readUInt16LE(4) * 12;
  if (at + 4 > block.length) return { at: -1, value: 0, matches: false };
  const value = crc32c(seed, block, 0, at);
  return { at, value, matches: block.readUInt32LE(at) === value };
}

/** Puts the checksum right that guards a place, so that what was changed there is believed. */
export function putRight(image: MutatedImage, { at, length, guard }: Place): void {
  if (guard === null) return;
  if (guard.kind === 'gpt') putGptRight(image);
  else putExtRight(image, at, length, guard);
}

function putGptRight(image: MutatedImage): void {
  const header = image.read(512, 512);
  const length = header.readUInt32LE(80) * header.readUInt32LE(84);
  const entriesAt = Number(header.readBigUInt64LE(72)) * 512;
  if (length <= 1 << 20 && entriesAt + length <= image.size) {
    header.writeUInt32LE(crc32(image.read(entriesAt, length)), 88);
  }
  header.writeUInt32LE(0, 16);
  const headerLength = header.readUInt32LE(12);
  if (headerLength <= 512) header.writeUInt32LE(crc32(header.subarray(0, headerLength)), 16);
  image.write(512, header);
}

function putExtRight(
  image: MutatedImage,
  at: number,
  length: number,
  guard: Exclude<Guard, { kind: 'gpt' }>,
): void {
  const geometry = extGeometry((from, count) => image.read(from, count), guard.fs);
  const { metadataChecksums, groupChecksums, uuid } = geometry;
  if (guard.kind === 'group' && !metadataChecksums && groupChecksums) {
    const b = image.read(at, length);
    let crc = crc16(crc16(0xffff, uuid), le32(guard.index));
    crc = crc16(crc16(crc, b.subarray(0, 0x1e)), b.subarray(0x20));
    image.write(at + 0x1e, le32(crc).subarray(0, 2));
  }
  if (!metadataChecksums) return;
  const zero = new Uint8Array(4);
  switch (guard.kind) {
    case 'superblock': {
      const b = image.read(guard.fs + 1024, 1024);
      image.write(guard.fs + 1024 + 0x3fc, le32(crc32c(0xffffffff, b, 0, 0x3fc)));
      return;
    }
    case 'group': {
      const b = image.read(at, length);
      let crc = crc32c(crc32cLe32(crc32c(0xffffffff, uuid), guard.index), b, 0, 0x1e);
      crc = crc32c(crc32c(crc, zero, 0, 2), b, 0x20);
      image.write(at + 0x1e, le32(crc).subarray(0, 2));
      return;
    }
    case 'inode': {
      const from = inodeAt(geometry, guard.index);
      const b = image.read(from, Math.max(128, geometry.inodeSize));
      b.fill(0, 0x7c, 0x7e);
      const wide = b.length > 128 && b.readUInt16LE(0x80) >= 4;
      if (wide) b.fill(0, 0x82, 0x84);
      const crc = le32(crc32c(inodeChecksumSeed(geometry, guard.index), b));
      image.write(from + 0x7c, crc.subarray(0, 2));
      if (wide) image.write(from + 0x82, crc.subarray(2, 4));
      return;
    }
    case 'directory': {
      const b = image.read(at, length);
      // Only a block with the checksum's fake entry at its end: blocks of the hash index are left wrong.
      if (b.readUInt16LE(length - 8) !== 12 || b[length - 5] !== 0xde) return;
      image.write(at + length - 4, le32(crc32c(inodeChecksumSeed(geometry, guard.index), b, 0, length - 12)));
      return;
    }
    case 'extents': {
      const { at: within, value } = extentsChecksum(
        image.read(at, length),
        inodeChecksumSeed(geometry, guard.index),
      );
      if (within >= 0) image.write(at + within, le32(value));
    }
  }
}

function le32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

/** CRC-16 of uninit_bg: polynomial 0x8005, reflected. */
function crc16(state: number, bytes: Uint8Array): number {
  let crc = state;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
  }
  return crc;
}
