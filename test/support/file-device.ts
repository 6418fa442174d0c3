import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import type { BlockDevice, Extent } from '../../disk/device.ts';
import { DiskError, type Place } from '../../disk/error.ts';

/** A file as a device, which counts what is read of it; it is closed when the test ends. */
export class FileDevice implements BlockDevice {
  readonly size: number;
  readonly sectorSize = null;
  reads = 0;
  bytesRead = 0;
  readonly #fd: number;

  constructor(path: string) {
    this.#fd = openSync(path, 'r');
    this.size = fstatSync(this.#fd).size;
    onTestFinished(() => closeSync(this.#fd));
  }

  readInto(to: Uint8Array, offset: number): void {
    this.reads++;
    this.bytesRead += to.length;
    if (readSync(this.#fd, to, 0, to.length, offset) === to.length) return;
    const found = `the end of the file at ${this.size}`;
    throw new DiskError({
      kind: 'io',
      layer: 'file',
      at: offset,
      image: null,
      expected: 'more bytes',
      found,
    });
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
