import { le16, le32, u8 } from '../../bytes.ts';
import { crc32c, crc32cLe32 } from '../../crc32c.ts';
import { type Name, name, nameOf } from '../../name.ts';
import { posixAcl } from './acl.ts';
import { Incompat } from './features.ts';
import { MappedFile } from './file.ts';
import type { Inode, Inodes } from './inode.ts';
import { mapping } from './mapping.ts';
import type { ExtVolume } from './volume.ts';

const magic = 0xea020000;
/** The kernel's XATTR_SIZE_MAX. */
const maxValue = 65_536;

/** What a name index stands for. 2, 3 and 8 are whole names; an unknown index adds nothing (as e2fsprogs). */
const prefixes = new Map<number, string>([
  [1, 'user.'],
  [2, 'system.posix_acl_access'],
  [3, 'system.posix_acl_default'],
  [4, 'trusted.'],
  [6, 'security.'],
  [7, 'system.'],
  [8, 'system.richacl'],
  [10, 'gnu.'],
]);

const systemIndex = 7;
const encryptionIndex = 9;

/** One attribute as stored; `value` reads and checks it when it is asked for. */
type StoredAttribute = {
  readonly index: number;
  readonly suffix: Name;
  /** Byte of the filesystem where the entry begins. */
  readonly at: number;
  readonly value: () => Uint8Array;
};

/** A region of attributes: entries grow from its start, values lie anywhere in it. */
type Region = { bytes: Uint8Array; first: number; valueBase: number; at: number };

/** Extended attributes, in the inode and in its attribute block (filesystems/ext4/attributes.rst). */
export class Xattrs {
  readonly #volume: ExtVolume;
  readonly #inodes: Inodes;

  constructor(volume: ExtVolume, inodes: Inodes) {
    this.#volume = volume;
    this.#inodes = inodes;
  }

  /**
   * Names and values as the kernel gives them: POSIX ACLs in the form of getxattr(2), and without what it
   * hides (inline data, the encryption context).
   */
  *all(inode: Inode): Iterable<readonly [Name, Uint8Array]> {
    for (const { index, suffix, at, value } of this.#stored(inode)) {
      if (index === encryptionIndex || (index === systemIndex && suffix === 'data')) continue;
      const bytes = value();
      const isAcl = index === 2 || index === 3;
      yield [
        (name(prefixes.get(index) ?? '') + suffix) as Name,
        isAcl ? posixAcl(this.#volume, bytes, at) : bytes,
      ];
    }
  }

  /** What of a file's inline data did not fit into the inode's first part; empty when all of it did. */
  inlineRest(inode: Inode): { bytes: Uint8Array; at: number } {
    for (const { index, suffix, at, value } of this.#inInode(inode)) {
      if (index === systemIndex && suffix === 'data') return { bytes: value(), at };
    }
    return { bytes: new Uint8Array(0), at: inode.at };
  }

  *#stored(inode: Inode): Iterable<StoredAttribute> {
    yield* this.#inInode(inode);
    yield* this.#inBlock(inode);
  }

  *#inInode(inode: Inode): Iterable<StoredAttribute> {
    const start = 128 + inode.extraSize;
    if (inode.extraSize === 0 || start + 4 > inode.raw.length || le32(inode.raw, start) !== magic) return;
    yield* this.#entries({ bytes: inode.raw, first: start + 4, valueBase: start + 4, at: inode.at });
  }

  *#inBlock(inode: Inode): Iterable<StoredAttribute> {
    const volume = this.#volume;
    const sb = volume.superblock;
    const high = sb.incompat & Incompat['64bit'] ? le16(inode.raw, 0x76) * 2 ** 32 : 0;
    const block = le32(inode.raw, 0x68) + high;
    if (block === 0) return;
    const bytes = volume.block(block, inode.at + 0x68);
    const at = block * sb.blockSize;
    const found = le32(bytes, 0);
    if (found !== magic) {
      throw volume.damage(at, `attribute block magic 0x${magic.toString(16)}`, `0x${found.toString(16)}`);
    }
    if (le32(bytes, 8) !== 1)
      throw volume.damage(at + 8, 'an attribute block of 1', `${le32(bytes, 8)} blocks`);
    if (sb.metadataChecksums) {
      let crc = crc32cLe32(sb.checksumSeed, block % 2 ** 32);
      crc = crc32cLe32(crc, Math.floor(block / 2 ** 32));
      crc = crc32c(crc, bytes, 0, 16);
      crc = crc32cLe32(crc, 0);
      crc = crc32c(crc, bytes, 20);
      if (crc !== le32(bytes, 16)) {
        throw volume.damage(
          at + 16,
          `attribute block checksum 0x${crc.toString(16)}`,
          `0x${le32(bytes, 16).toString(16)}`,
        );
      }
    }
    yield* this.#entries({ bytes, first: 32, valueBase: 0, at });
  }

  *#entries({ bytes, first, valueBase, at }: Region): Iterable<StoredAttribute> {
    let entry = first;
    while (entry + 4 <= bytes.length && le32(bytes, entry) !== 0) {
      const nameEnd = entry + 16 + u8(bytes, entry);
      if (nameEnd > bytes.length) {
        throw this.#volume.damage(at + entry, 'an attribute that ends in its region', 'one that does not');
      }
      const current = entry;
      yield {
        index: u8(bytes, current + 1),
        suffix: nameOf(bytes.subarray(current + 16, nameEnd)),
        at: at + current,
        value: () => this.#value(bytes, current, valueBase, at),
      };
      entry = (nameEnd + 3) & ~3;
    }
  }

  #value(bytes: Uint8Array, entry: number, valueBase: number, at: number): Uint8Array {
    const volume = this.#volume;
    const size = le32(bytes, entry + 8);
    const inode = le32(bytes, entry + 4);
    if (inode !== 0 && volume.superblock.incompat & Incompat.ea_inode) {
      return this.#inodeValue(inode, size, at + entry);
    }
    const from = valueBase + le16(bytes, entry + 2);
    if (from + size > bytes.length) {
      throw volume.damage(at + entry + 8, `a value within ${bytes.length} bytes`, `${size} from ${from} on`);
    }
    return bytes.slice(from, from + size);
  }

  /** ea_inode: a large value is the content of an inode of its own. */
  #inodeValue(number: number, size: number, at: number): Uint8Array {
    const holder = this.#inodes.get(number);
    if (size > maxValue || holder.size !== size) {
      throw this.#volume.damage(at + 8, `a value of inode ${number}'s ${holder.size} bytes`, `${size}`);
    }
    const to = new Uint8Array(size);
    new MappedFile(this.#volume, mapping(this.#volume, holder), size).readInto(to, 0);
    return to;
  }
}
