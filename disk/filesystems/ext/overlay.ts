import { be32 } from '../../bytes.ts';
import { crc32c } from '../../crc32c.ts';
import type { BlockDevice, Extent, Range } from '../../device.ts';
import { damage, type Place } from '../../error.ts';
import { layer } from './superblock.ts';

/** A block's newest committed content in the journal. */
export type JournalBlock = {
  /** Byte of the device where the journal keeps it. */
  readonly at: number;
  /** Its first four bytes were the journal's magic and were zeroed, so as not to be taken for its own. */
  readonly escaped: boolean;
  /** What its checksum, begun from `seed`, must be under `mask`; null without one. */
  readonly checksum: { readonly seed: number; readonly value: number; readonly mask: number } | null;
};

/** A device with a journal's committed blocks in place of its own; nothing is copied until it is read. */
export class Overlay implements BlockDevice {
  readonly size: number;
  readonly sectorSize: 512 | 4096 | null;
  readonly #below: BlockDevice;
  readonly #blockSize: number;
  readonly #blocks: ReadonlyMap<number, JournalBlock>;
  readonly #verified = new Set<number>();

  constructor(below: BlockDevice, blockSize: number, blocks: ReadonlyMap<number, JournalBlock>) {
    this.size = below.size;
    this.sectorSize = below.sectorSize;
    this.#below = below;
    this.#blockSize = blockSize;
    this.#blocks = blocks;
  }

  readInto(to: Uint8Array, offset: number): void {
    const size = this.#blockSize;
    let plain = 0; // bytes of `to` up to `done` that are read from below as one run
    let done = 0;
    while (done < to.length) {
      const block = Math.floor((offset + done) / size);
      const within = offset + done - block * size;
      const take = Math.min(to.length - done, size - within);
      const journaled = this.#blocks.get(block);
      if (journaled !== undefined) {
        if (plain > 0) this.#below.readInto(to.subarray(done - plain, done), offset + done - plain);
        plain = -take;
        this.#readJournaled(to.subarray(done, done + take), block, journaled, within);
      }
      plain += take;
      done += take;
    }
    if (plain > 0) this.#below.readInto(to.subarray(done - plain, done), offset + done - plain);
  }

  prefetch(ranges: readonly Range[]): void {
    this.#below.prefetch(ranges);
  }

  extents(offset: number, length: number): Iterable<Extent> {
    return this.#below.extents(offset, length);
  }

  place(offset: number): Place {
    const block = Math.floor(offset / this.#blockSize);
    const journaled = this.#blocks.get(block);
    return this.#below.place(
      journaled === undefined ? offset : journaled.at + offset - block * this.#blockSize,
    );
  }

  #readJournaled(to: Uint8Array, block: number, journaled: JournalBlock, within: number): void {
    if (journaled.checksum !== null && !this.#verified.has(block)) this.#verify(block, journaled);
    this.#below.readInto(to, journaled.at + within);
    if (!journaled.escaped) return;
    const magic = [0xc0, 0x3b, 0x39, 0x98];
    for (let i = within; i < 4 && i - within < to.length; i++) to[i - within] = magic[i] ?? 0;
  }

  #verify(block: number, { at, checksum }: JournalBlock): void {
    const whole = new Uint8Array(this.#blockSize);
    this.#below.readInto(whole, at);
    if (checksum !== null) {
      const computed = (crc32c(checksum.seed, whole) & checksum.mask) >>> 0;
      if (computed !== checksum.value) {
        throw damage(
          layer,
          this.#below,
          at,
          `checksum 0x${checksum.value.toString(16)} of block ${block} in the journal`,
          `0x${computed.toString(16)}, as of 0x${be32(whole, 0).toString(16)}…`,
        );
      }
    }
    this.#verified.add(block);
  }
}
