import type { BlockDevice, Extent, Range } from '../../device.ts';
import { DiskError, type Place } from '../../error.ts';
import type { BlockRuns } from './mapping.ts';
import { layer } from './superblock.ts';
import type { ExtVolume } from './volume.ts';

/** Runs mapped ahead for one prefetch; beyond it the hint would cost more than it saves. */
const maxPrefetchRuns = 256;

/** A file's content over its block runs. Holes and unwritten extents read as zeroes. */
export class MappedFile implements BlockDevice {
  readonly size: number;
  readonly sectorSize = null;
  readonly #volume: ExtVolume;
  readonly #runs: BlockRuns;

  constructor(volume: ExtVolume, runs: BlockRuns, size: number) {
    this.#volume = volume;
    this.#runs = runs;
    this.size = size;
  }

  /** Neighbouring runs that touch on the device are read at once. */
  readInto(to: Uint8Array, offset: number): void {
    checkRange(this, offset, to.length);
    let pendingFrom = 0; // where in `to` the pending device read goes
    let pendingAt = 0;
    let pending = 0;
    const flush = () => {
      if (pending > 0) this.#volume.readInto(to.subarray(pendingFrom, pendingFrom + pending), pendingAt);
      pending = 0;
    };
    for (const piece of this.#pieces(offset, to.length)) {
      const from = piece.offset - offset;
      if (piece.kind !== 'data') {
        flush();
        to.fill(0, from, from + piece.length);
      } else if (pending > 0 && piece.at === pendingAt + pending) {
        pending += piece.length;
      } else {
        flush();
        pendingFrom = from;
        pendingAt = piece.at;
        pending = piece.length;
      }
    }
    flush();
  }

  prefetch(ranges: readonly Range[]): void {
    const wanted: Range[] = [];
    try {
      for (const { offset, length } of ranges) {
        const from = Math.max(0, offset);
        const end = Math.min(this.size, offset + length);
        for (const piece of this.#pieces(from, Math.max(0, end - from))) {
          if (piece.kind === 'data') wanted.push({ offset: piece.at, length: piece.length });
          if (wanted.length >= maxPrefetchRuns) break;
        }
      }
    } catch (error) {
      // A hint never fails: the read that follows will say what is damaged.
      if (!(error instanceof DiskError)) throw error;
    }
    if (wanted.length > 0) this.#volume.device.prefetch(wanted);
  }

  *extents(offset: number, length: number): Iterable<Extent> {
    checkRange(this, offset, length);
    for (const piece of this.#pieces(offset, length)) {
      yield { offset: piece.offset, length: piece.length, kind: piece.kind };
    }
  }

  place(offset: number): Place {
    try {
      for (const piece of this.#pieces(offset, Math.min(1, this.size - offset))) {
        if (piece.kind === 'data') return this.#volume.device.place(piece.at);
      }
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
    }
    return null;
  }

  /** The range cut at block runs; `at` is the device's byte of a data piece. */
  *#pieces(offset: number, length: number): Iterable<Extent & { at: number }> {
    const { blockSize } = this.#volume.superblock;
    const end = offset + length;
    let position = offset;
    while (position < end) {
      const block = Math.floor(position / blockSize);
      const within = position - block * blockSize;
      const run = this.#runs(block);
      const take = Math.min(end - position, run.count * blockSize - within);
      yield { offset: position, length: take, kind: run.kind, at: run.physical * blockSize + within };
      position += take;
    }
  }
}

/** Content kept inside the inode: a device over bytes already read. */
export class InlineFile implements BlockDevice {
  readonly size: number;
  readonly sectorSize = null;
  readonly #bytes: Uint8Array;
  readonly #placeOf: (offset: number) => Place;

  constructor(bytes: Uint8Array, placeOf: (offset: number) => Place) {
    this.size = bytes.length;
    this.#bytes = bytes;
    this.#placeOf = placeOf;
  }

  readInto(to: Uint8Array, offset: number): void {
    checkRange(this, offset, to.length);
    to.set(this.#bytes.subarray(offset, offset + to.length));
  }

  prefetch(): void {
    // Everything is here already.
  }

  *extents(offset: number, length: number): Iterable<Extent> {
    checkRange(this, offset, length);
    if (length > 0) yield { offset, length, kind: 'data' };
  }

  place(offset: number): Place {
    return this.#placeOf(offset);
  }
}

function checkRange(file: BlockDevice, offset: number, length: number): void {
  if (offset >= 0 && length >= 0 && offset + length <= file.size) return;
  throw new DiskError({
    kind: 'io',
    layer,
    at: offset,
    image: null,
    expected: `${length} bytes of a file of ${file.size}`,
    found: 'its end',
  });
}
