import type { BlockDevice, Extent, Range } from '../device.ts';
import type { Place } from '../error.ts';
import { checkRange, clip } from '../range.ts';
import type { StoredFile } from './stored.ts';

const SECTOR = 512;

/**
 * A raw image: the file's bytes are the disk's. A size that is not a whole number of sectors is rounded up
 * and the rest reads as zeroes, as qemu shows it to a guest. Which parts of the file are holes a Source
 * does not say, so everything stored counts as data.
 */
export class RawDevice implements BlockDevice {
  readonly sectorSize = null;
  readonly size: number;
  readonly #file: StoredFile;

  constructor(file: StoredFile) {
    this.#file = file;
    this.size = Math.ceil(file.size / SECTOR) * SECTOR;
  }

  readInto(to: Uint8Array, offset: number): void {
    checkRange(this, offset, to.length);
    const { length } = clip(offset, to.length, this.#file.size);
    if (length > 0) this.#file.readInto(to.subarray(0, length), offset);
    to.fill(0, length);
  }

  prefetch(ranges: readonly Range[]): void {
    this.#file.prefetch(ranges);
  }

  *extents(offset: number, length: number): Iterable<Extent> {
    checkRange(this, offset, length);
    const stored = clip(offset, length, this.#file.size);
    if (stored.length > 0) yield { ...stored, kind: 'data' };
    const rest = length - stored.length;
    if (rest > 0) yield { offset: offset + stored.length, length: rest, kind: 'zero' };
  }

  place(offset: number): Place {
    return offset < this.#file.size ? this.#file.place(offset) : null;
  }
}
