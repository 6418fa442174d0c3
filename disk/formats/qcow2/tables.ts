import { be32 } from '../../bytes.ts';
import { damage } from '../../error.ts';
import type { StoredFile } from '../stored.ts';
import type { Qcow2Header } from './header.ts';

const LAYER = 'qcow2';

/** Tables are read in pieces of this many bytes; a power of two that divides every cluster or is one's multiple. */
const PIECE = 4096;
/** Pieces kept: 1 MiB, which maps 8 GiB of disk at the usual cluster size. */
const MAX_PIECES = 256;

/** Runs looked at in a truncated image, some 256 GiB of disk at the usual cluster size. */
const MAX_CHECKED = 4_000_000;

const SUBCLUSTERS = 32;
const TWO_32 = 2 ** 32;

/**
 * What a run of guest bytes is: `data` stored from `at` on; `compressed` in at most `stored` bytes from `at`
 * on, `skip` bytes into the cluster they decompress to; `zero`; or `hole`, which reads as zeroes as well.
 * `length` is how far that holds.
 */
export type Run =
  | { readonly kind: 'data'; readonly at: number; readonly length: number }
  | {
      readonly kind: 'compressed';
      readonly at: number;
      readonly stored: number;
      readonly skip: number;
      readonly length: number;
    }
  | { readonly kind: 'zero' | 'hole'; readonly length: number };

/** The two-level mapping from guest clusters to host clusters; docs/interop/qcow2.txt, "Cluster mapping". */
export class ClusterMap {
  readonly #file: StoredFile;
  readonly #header: Qcow2Header;
  readonly #entrySize: number;
  /** Guest bytes that one L2 table maps. */
  readonly #coverage: number;
  readonly #pieces = new Map<number, Uint8Array>();

  constructor(file: StoredFile, header: Qcow2Header) {
    this.#file = file;
    this.#header = header;
    this.#entrySize = header.extendedL2 ? 16 : 8;
    this.#coverage = header.clusterSize * (header.clusterSize / this.#entrySize);
  }

  /**
   * Walks the whole L1 table once, so that a truncated image is refused when it is opened: throws `damage`
   * for an L2 table that is misplaced or not wholly inside the file.
   */
  check(): void {
    for (let index = 0; index < this.#header.l1Entries; index++) this.#l2Table(index);
  }

  /**
   * Walks the L2 tables as well, as far as `MAX_CHECKED` runs reach: throws the damage of the first entry that
   * is wrong. For images that look truncated; with others that shows when the cluster is read.
   */
  checkClusters(): void {
    const { size } = this.#header;
    for (let at = 0, runs = 0; at < size && runs < MAX_CHECKED; runs++) at += this.run(at).length;
  }

  /** The run that begins at a guest offset, which is inside the disk. */
  run(offset: number): Run {
    const { clusterSize } = this.#header;
    const table = this.#l2Table(Math.floor(offset / this.#coverage));
    if (table === null) return { kind: 'hole', length: this.#coverage - (offset % this.#coverage) };
    const entryAt = table + Math.floor((offset % this.#coverage) / clusterSize) * this.#entrySize;
    const [high, low] = this.#word(entryAt);
    const skip = offset % clusterSize;
    if ((high & 0x4000_0000) !== 0) return this.#compressed(entryAt, high, low, skip);
    return this.#header.extendedL2
      ? this.#subclusters(table, entryAt, high, low, skip)
      : this.#plain(table, entryAt, high, low, skip);
  }

  /** Where the L2 table of an L1 entry lies, or null where nothing is allocated. */
  #l2Table(index: number): number | null {
    const { clusterSize, l1Offset } = this.#header;
    const at = l1Offset + index * 8;
    const [high, low] = this.#word(at);
    const table = this.#hostOffset(at, high, low, 0x7f00_0000, 0x1ff);
    if (table === 0) return null;
    if (table + clusterSize > this.#file.size) {
      const found = `an L2 table at ${table} in a file of ${this.#file.size} bytes`;
      throw damage(LAYER, this.#file, at, 'an L2 table inside the file (truncated image?)', found);
    }
    this.#refuseL1(at, table);
    return table;
  }

  #plain(table: number, at: number, high: number, low: number, skip: number): Run {
    const zero = (low & 1) !== 0;
    const reserved = this.#header.version === 2 ? 0x1ff : 0x1fe;
    const host = this.#hostOffset(at, high, low, 0x3f00_0000, reserved);
    const length = this.#header.clusterSize - skip;
    if (zero) return { kind: 'zero', length };
    if (host === 0) return { kind: 'hole', length };
    this.#checkData(table, at, host);
    return { kind: 'data', at: host + skip, length };
  }

  /** "Extended L2 Entries": a bitmap says which of 32 subclusters are allocated, and which read as zeroes. */
  #subclusters(table: number, at: number, high: number, low: number, skip: number): Run {
    const host = this.#hostOffset(at, high, low, 0x3f00_0000, 0x1ff);
    const [zeroes, allocated] = this.#word(at + 8);
    if ((zeroes & allocated) !== 0) {
      const found = `zero bits ${zeroes.toString(16)}, allocation bits ${allocated.toString(16)}`;
      throw damage(LAYER, this.#file, at + 8, 'subclusters either allocated or zero', found);
    }
    if (host === 0 && allocated !== 0) {
      throw damage(LAYER, this.#file, at + 8, 'no subclusters without a cluster', allocated.toString(16));
    }
    const size = this.#header.clusterSize / SUBCLUSTERS;
    const state = (index: number) => ((zeroes >>> index) & 1) * 2 + ((allocated >>> index) & 1);
    const first = Math.floor(skip / size);
    let end = first + 1;
    while (end < SUBCLUSTERS && state(end) === state(first)) end++;
    const length = end * size - skip;
    if (state(first) === 2) return { kind: 'zero', length };
    if (state(first) === 0) return { kind: 'hole', length };
    this.#checkData(table, at, host);
    return { kind: 'data', at: host + skip, length };
  }

  /** "Compressed Clusters Descriptor": the offset takes 70 − cluster_bits bits, the sector count the rest. */
  #compressed(entryAt: number, high: number, low: number, skip: number): Run {
    const { clusterBits, clusterSize } = this.#header;
    const highBits = 70 - clusterBits - 32;
    const at = (high & (2 ** highBits - 1)) * TWO_32 + low;
    const sectors = (high & 0x3fff_ffff) >>> highBits;
    if (at < clusterSize || at >= this.#file.size) {
      const found = `offset ${at} in a file of ${this.#file.size} bytes`;
      throw damage(LAYER, this.#file, entryAt, 'compressed data inside the file', found);
    }
    // What the last sector holds past the end of the file is padding, never data.
    const stored = Math.min((sectors + 1) * 512 - (at % 512), this.#file.size - at);
    return { kind: 'compressed', at, stored, skip, length: clusterSize - skip };
  }

  /** The offset of an L1 or L2 entry, after its reserved bits and alignment. */
  #hostOffset(at: number, high: number, low: number, reservedHigh: number, reservedLow: number): number {
    const offset = (high & 0x00ff_ffff) * TWO_32 + ((low & 0xffff_fe00) >>> 0);
    if ((high & reservedHigh) !== 0 || (low & reservedLow) !== 0) {
      throw damage(LAYER, this.#file, at, 'reserved bits 0', `entry ${hex(high, low)}`);
    }
    if (offset % this.#header.clusterSize !== 0 || !Number.isSafeInteger(offset)) {
      throw damage(LAYER, this.#file, at, 'a cluster-aligned offset', `entry ${hex(high, low)}`);
    }
    return offset;
  }

  /** A data cluster must begin inside the file, and is neither the L1 table nor the L2 table that names it. */
  #checkData(table: number, at: number, host: number): void {
    if (host >= this.#file.size) {
      const found = `offset ${host} in a file of ${this.#file.size} bytes`;
      throw damage(LAYER, this.#file, at, 'a cluster inside the file (truncated image?)', found);
    }
    if (host === table) {
      throw damage(LAYER, this.#file, at, 'a cluster apart from the tables', `its own L2 table at ${host}`);
    }
    this.#refuseL1(at, host);
  }

  #refuseL1(at: number, host: number): void {
    const { l1Offset, l1Entries, clusterSize } = this.#header;
    if (host < l1Offset + l1Entries * 8 && host + clusterSize > l1Offset) {
      throw damage(LAYER, this.#file, at, 'a cluster apart from the tables', `the L1 table at ${host}`);
    }
  }

  /** The 64-bit entry at a multiple of 8 of the file, as two halves, high first. */
  #word(at: number): [number, number] {
    const start = at - (at % PIECE);
    let piece = this.#pieces.get(start);
    if (piece === undefined) {
      piece = new Uint8Array(Math.min(PIECE, this.#file.size - start));
      this.#file.readInto(piece, start);
      if (this.#pieces.size >= MAX_PIECES) this.#pieces.clear();
      this.#pieces.set(start, piece);
    }
    return [be32(piece, at - start), be32(piece, at - start + 4)];
  }
}

function hex(high: number, low: number): string {
  return `0x${high.toString(16).padStart(8, '0')}${low.toString(16).padStart(8, '0')}`;
}
