import type { BlockDevice, Extent } from '../../disk/device.ts';
import { DiskError, type Place } from '../../disk/error.ts';

/** Bytes in memory as a device: for images that a test patches. */
export class BufferDevice implements BlockDevice {
  readonly size: number;
  readonly sectorSize = null;
  bytesRead = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.size = bytes.length;
  }

  readInto(to: Uint8Array, offset: number): void {
    this.bytesRead += to.length;
    if (!(offset >= 0 && offset + to.length <= this.size)) {
      const found = `${to.length} bytes from ${offset} on, past the end at ${this.size}`;
      throw new DiskError({ kind: 'io', layer: 'buffer', at: offset, image: null, expected: 'bytes', found });
    }
    to.set(this.#bytes.subarray(offset, offset + to.length));
  }

  prefetch(): void {
    // Nothing is gained by it here.
  }

  *extents(offset: number, length: number): Iterable<Extent> {
    yield { offset, length, kind: 'data' };
  }

  place(offset: number): Place {
    return { source: 0, offset };
  }
}
