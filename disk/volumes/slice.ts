import type { BlockDevice, Extent, Range } from '../device.ts';
import type { Place } from '../error.ts';
import { checkRange, clip } from '../range.ts';

/** The `length` bytes from `offset` on as a device of its own; what lies outside `device` is cut off. */
export function slice(device: BlockDevice, offset: number, length: number): BlockDevice {
  const inside = clip(offset, length, device.size);
  return new Slice(device, inside.offset, inside.length);
}

class Slice implements BlockDevice {
  readonly size: number;
  readonly #below: BlockDevice;
  readonly #start: number;

  constructor(below: BlockDevice, start: number, size: number) {
    this.#below = below;
    this.#start = start;
    this.size = size;
  }

  get sectorSize(): 512 | 4096 | null {
    return this.#below.sectorSize;
  }

  readInto(to: Uint8Array, offset: number): void {
    checkRange(this, offset, to.length);
    this.#below.readInto(to, this.#start + offset);
  }

  prefetch(ranges: readonly Range[]): void {
    this.#below.prefetch(
      ranges.map((range) => {
        const { offset, length } = clip(range.offset, range.length, this.size);
        return { offset: this.#start + offset, length };
      }),
    );
  }

  *extents(offset: number, length: number): Iterable<Extent> {
    checkRange(this, offset, length);
    for (const extent of this.#below.extents(this.#start + offset, length)) {
      yield { ...extent, offset: extent.offset - this.#start };
    }
  }

  place(offset: number): Place {
    return this.#below.place(this.#start + offset);
  }
}
