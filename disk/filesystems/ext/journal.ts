import { be16, be32, le16, le32, u8 } from '../../bytes.ts';
import { crc32c } from '../../crc32c.ts';
import { read } from '../../device.ts';
import { DiskError } from '../../error.ts';
import { crc32be } from './crc32be.ts';
import { Compat, Incompat } from './features.ts';
import { Inodes } from './inode.ts';
import { type BlockRuns, mapping } from './mapping.ts';
import type { JournalBlock } from './overlay.ts';
import type { ExtVolume } from './volume.ts';

const magic = 0xc03b3998;
const BlockType = { descriptor: 1, commit: 2, superblock1: 3, superblock2: 4, revoke: 5 } as const;
const JournalIncompat = {
  revoke: 1,
  is64: 2,
  asyncCommit: 4,
  checksum2: 8,
  checksum3: 0x10,
  fastCommit: 0x20,
};
const Tag = { escaped: 1, sameUuid: 2, last: 8 } as const;
const readableIncompat = 0x3f;
const two32 = 2 ** 32;

/**
 * Bytes of the log that are gone through, for each entry of limits.maxEntries: by default the 1 GiB that mke2fs
 * gives a journal at most. One whose blocks are all the same could have 2^32 of them.
 */
const bytesPerEntry = 1024;

/** What the journal asks for; `notes` say what of it could not be honoured. */
export type Replay = {
  /** Blocks of the filesystem and where the journal keeps their newest committed content. */
  readonly blocks: ReadonlyMap<number, JournalBlock>;
  /** Whether everything that was committed is in `blocks`. */
  readonly complete: boolean;
  readonly notes: readonly { readonly code: string; readonly message: string }[];
};

const nothing: Replay = { blocks: new Map(), complete: true, notes: [] };

/**
 * Reads the journal's committed transactions into a map, as recovery would write them (jbd2:
 * filesystems/ext4/journal.rst): in order of their sequence from the journal's start, up to the first that is
 * not whole. A journal that cannot be read leaves the filesystem as it is, and a note says why.
 */
export function readJournal(volume: ExtVolume): Replay {
  const asIs = (message: string): Replay => ({
    blocks: new Map(),
    complete: false,
    notes: [{ code: 'JOURNAL_NOT_REPLAYED', message }],
  });
  const { superblock: sb } = volume;
  if (!(sb.compat & Compat.has_journal)) return asIs('the superblock asks for recovery but names no journal');
  if (sb.journalInode === 0) return asIs('the journal is on another device (external journal)');
  try {
    const inode = new Inodes(volume).get(sb.journalInode);
    const head = journalHead(volume, mapping(volume, inode), Math.floor(inode.size / sb.blockSize));
    if (typeof head === 'string') return asIs(head);
    return head.start === 0 ? nothing : new Recovery(volume, head).run();
  } catch (error) {
    if (error instanceof DiskError && error.kind === 'damage') return asIs(`the journal: ${error.message}`);
    throw error;
  }
}

/** The journal's superblock, checked. */
type Head = {
  readonly runs: BlockRuns;
  /** First block of the log, and the first past its end. */
  readonly first: number;
  readonly last: number;
  /** Block and sequence where recovery starts; block 0 when there is nothing to recover. */
  readonly start: number;
  readonly sequence: number;
  readonly incompat: number;
  readonly checksum1: boolean;
  readonly checksumSeed: number;
};

function journalHead(volume: ExtVolume, runs: BlockRuns, blocks: number): Head | string {
  const { blockSize } = volume.superblock;
  const run = runs(0);
  if (run.kind !== 'data') return 'the journal has no first block';
  const b = read(volume.device, run.physical * blockSize, 1024);
  const type = be32(b, 4);
  if (be32(b, 0) !== magic || (type !== BlockType.superblock1 && type !== BlockType.superblock2)) {
    return 'the journal has no superblock';
  }
  const version2 = type === BlockType.superblock2;
  const compat = version2 ? be32(b, 0x24) : 0;
  const incompat = version2 ? be32(b, 0x28) : 0;
  const unknown = (incompat & ~readableIncompat) >>> 0;
  if (unknown !== 0) return `journal features 0x${unknown.toString(16)} are not known`;
  const checksummed = (incompat & (JournalIncompat.checksum2 | JournalIncompat.checksum3)) !== 0;
  if (checksummed) {
    const computed = crc32c(crc32c(crc32c(0xffffffff, b, 0, 0xfc), new Uint8Array(4)), b, 0x100);
    if (computed !== be32(b, 0xfc)) return 'the checksum of the journal superblock is wrong';
  }
  if (be32(b, 0x0c) !== blockSize) return `the journal has blocks of ${be32(b, 0x0c)} bytes`;
  const length = be32(b, 0x10);
  const first = be32(b, 0x14);
  const last = length - fastCommitBlocks(incompat, be32(b, 0x54), length);
  const start = be32(b, 0x1c);
  if (length > blocks || first === 0 || first >= last || (start !== 0 && (start < first || start >= last))) {
    return `the journal says it has blocks ${first} to ${length} and starts at ${start}, in a file of ${blocks}`;
  }
  return {
    runs,
    first,
    last,
    start,
    sequence: be32(b, 0x18),
    incompat,
    checksum1: (compat & 1) !== 0,
    checksumSeed: crc32c(0xffffffff, b, 0x30, 0x40),
  };
}

/** Blocks at the journal's end that are kept for fast commits: 256 unless said, if 1024 are left before. */
function fastCommitBlocks(incompat: number, stored: number, length: number): number {
  if (!(incompat & JournalIncompat.fastCommit)) return 0;
  const wanted = stored === 0 ? 256 : stored;
  return length - wanted >= 1024 ? wanted : 0;
}

/** One pass over the log. A transaction takes effect at its commit block, so an unfinished one has none. */
class Recovery {
  readonly #volume: ExtVolume;
  readonly #head: Head;
  readonly #blocks = new Map<number, JournalBlock>();
  /** Blocks of the transaction being read. */
  #pending = new Map<number, JournalBlock>();
  #revoked = new Set<number>();
  #next: number;
  #sequence: number;
  /** Checksum version 1: over all descriptors and data of the transaction. */
  #crc = 0xffffffff;
  #lastCommit = 0;
  /** Why the log ended before its end; null when it simply had no more. */
  #trouble: string | null = null;

  constructor(volume: ExtVolume, head: Head) {
    this.#volume = volume;
    this.#head = head;
    this.#next = head.start;
    this.#sequence = head.sequence;
  }

  run(): Replay {
    // Each block of the log is visited at most once, so a log that runs into itself ends.
    const blocks = this.#head.last - this.#head.first;
    const { limits, superblock } = this.#volume;
    const most = Math.floor((limits.maxEntries * bytesPerEntry) / superblock.blockSize);
    let left = Math.min(blocks, most);
    while (left > 0) {
      const used = this.#step();
      if (used === 0) break;
      left -= used;
    }
    if (left <= 0 && most < blocks) this.#stop('it goes on for more than maxEntries allows');
    const notes: { code: string; message: string }[] = [];
    if (this.#trouble !== null) {
      notes.push({
        code: 'JOURNAL_CUT_SHORT',
        message: `the journal was replayed up to transaction ${this.#sequence}, where ${this.#trouble}`,
      });
    }
    if (this.#hasFastCommits()) {
      notes.push({
        code: 'FAST_COMMITS_NOT_REPLAYED',
        message: 'the journal holds fast commits, which are not read: the newest changes are missing',
      });
    }
    return { blocks: this.#blocks, complete: notes.length === 0, notes };
  }

  /** Takes in the next block of the log; gives how many blocks it used, 0 at the log's end. */
  #step(): number {
    const b = this.#read(this.#next);
    if (b === null || be32(b, 0) !== magic || be32(b, 8) !== this.#sequence) return 0;
    switch (be32(b, 4)) {
      case BlockType.descriptor:
        return this.#descriptor(b);
      case BlockType.revoke:
        return this.#revoke(b);
      case BlockType.commit:
        return this.#commit(b);
      default:
        return 0;
    }
  }

  #descriptor(b: Uint8Array): number {
    const { incompat, checksumSeed, checksum1 } = this.#head;
    const wide = (incompat & JournalIncompat.is64) !== 0;
    const version3 = (incompat & JournalIncompat.checksum3) !== 0;
    const version2 = !version3 && (incompat & JournalIncompat.checksum2) !== 0;
    if ((version2 || version3) && !this.#tailIsGood(b)) return 0;
    const tagSize = version3 ? 16 : 8 + (wide ? 4 : 0) + (version2 ? 2 : 0);
    const end = b.length - (version2 || version3 ? 4 : 0);
    if (checksum1) this.#crc = crc32be(this.#crc, b);

    const seed = crc32c(checksumSeed, bigEndian(this.#sequence));
    let used = 1;
    let at = 12;
    while (at + tagSize <= end) {
      const flags = version3 ? be32(b, at + 4) : be16(b, at + 6);
      const block = be32(b, at) + (wide ? be32(b, at + 8) * two32 : 0);
      const log = this.#after(this.#next, used);
      const stored = this.#place(log);
      if (stored === null || block >= this.#volume.superblock.blocks) {
        return this.#stop(`a block of the journal is for block ${block}, which does not exist`);
      }
      if (this.#blocks.size + this.#pending.size >= this.#volume.limits.maxEntries) {
        return this.#stop('it holds more blocks than maxEntries');
      }
      const value = version3 ? be32(b, at + 12) : be16(b, at + 4);
      const mask = version3 ? 0xffffffff : 0xffff;
      this.#pending.set(block, {
        at: stored,
        escaped: (flags & Tag.escaped) !== 0,
        checksum: version2 || version3 ? { seed, value, mask } : null,
      });
      if (checksum1) this.#crc = crc32be(this.#crc, read(this.#volume.device, stored, b.length));
      used++;
      at += tagSize + (flags & Tag.sameUuid ? 0 : 16);
      if (flags & Tag.last) break;
    }
    this.#next = this.#after(this.#next, used);
    return used;
  }

  /** Revoked blocks are no longer what earlier transactions, and this one, made of them. */
  #revoke(b: Uint8Array): number {
    const { incompat } = this.#head;
    const checksummed = (incompat & (JournalIncompat.checksum2 | JournalIncompat.checksum3)) !== 0;
    if (checksummed && !this.#tailIsGood(b)) return 0;
    const size = incompat & JournalIncompat.is64 ? 8 : 4;
    const end = be32(b, 12);
    if (end > b.length - (checksummed ? 4 : 0)) return this.#stop('a revoke block is longer than itself');
    if (this.#revoked.size + end / size > this.#volume.limits.maxEntries) {
      return this.#stop('it revokes more blocks than maxEntries');
    }
    for (let at = 16; at + size <= end; at += size) {
      this.#revoked.add(size === 8 ? be32(b, at) * two32 + be32(b, at + 4) : be32(b, at));
    }
    this.#next = this.#after(this.#next, 1);
    return 1;
  }

  #commit(b: Uint8Array): number {
    const time = be32(b, 0x30) * two32 + be32(b, 0x34);
    if (!this.#commitIsGood(b)) {
      // The commit of an earlier round of the log is no damage: it is the end.
      return time < this.#lastCommit ? 0 : this.#stop('its checksum is wrong');
    }
    this.#lastCommit = time;
    for (const block of this.#revoked) this.#blocks.delete(block);
    for (const [block, stored] of this.#pending) {
      if (!this.#revoked.has(block)) this.#blocks.set(block, stored);
    }
    this.#pending = new Map();
    this.#revoked = new Set();
    this.#crc = 0xffffffff;
    this.#sequence = (this.#sequence + 1) >>> 0;
    this.#next = this.#after(this.#next, 1);
    return 1;
  }

  #commitIsGood(b: Uint8Array): boolean {
    const { incompat, checksum1, checksumSeed } = this.#head;
    const stored = be32(b, 0x10);
    if (incompat & (JournalIncompat.checksum2 | JournalIncompat.checksum3)) {
      const head = crc32c(crc32c(checksumSeed, b, 0, 0x10), new Uint8Array(4));
      return crc32c(head, b, 0x14) === stored;
    }
    if (!checksum1) return true;
    const type = u8(b, 0x0c);
    const size = u8(b, 0x0d);
    return (type === 1 && size === 4 && stored === this.#crc) || (type === 0 && size === 0 && stored === 0);
  }

  /** The checksum in a descriptor's or revoke block's last four bytes. A wrong one: left from an earlier round, or cut. */
  #tailIsGood(b: Uint8Array): boolean {
    const end = b.length - 4;
    return crc32c(crc32c(this.#head.checksumSeed, b, 0, end), new Uint8Array(4)) === be32(b, end);
  }

  /** Whether the fast commit area begins with the head tag of the transaction that would come next. */
  #hasFastCommits(): boolean {
    if (!(this.#head.incompat & JournalIncompat.fastCommit)) return false;
    const b = this.#read(this.#head.last + 1); // the block between the two areas stays unused
    return b !== null && le16(b, 0) === 9 && le16(b, 2) === 8 && le32(b, 8) === this.#sequence;
  }

  #stop(trouble: string): 0 {
    this.#trouble = trouble;
    return 0;
  }

  #after(block: number, count: number): number {
    const { first, last } = this.#head;
    const next = block + count;
    return next < last ? next : first + ((next - last) % (last - first));
  }

  /** Byte of the device where a block of the journal lies; null where it has none. */
  #place(block: number): number | null {
    const run = this.#head.runs(block);
    return run.kind === 'data' ? run.physical * this.#volume.superblock.blockSize : null;
  }

  #read(block: number): Uint8Array | null {
    const at = this.#place(block);
    return at === null ? null : read(this.#volume.device, at, this.#volume.superblock.blockSize);
  }
}

function bigEndian(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

/** Whether the superblock asks for the journal to be replayed. A backup copy never does, so there it is tried. */
export function needsRecovery({ superblock }: ExtVolume): boolean {
  if (superblock.incompat & Incompat.needs_recovery) return true;
  return superblock.at !== 1024 && (superblock.compat & Compat.has_journal) !== 0;
}
