import { fstatSync, readSync } from 'node:fs';
import type { Source } from '../device.ts';
import { DiskError } from '../error.ts';
import { checkRange } from '../range.ts';

/**
 * A file that somebody else opened (and closes), read by its descriptor. Its size is taken once: a file
 * that ends earlier later on is a DiskError `changed`; a failing read is `io` with the system's error as cause.
 */
export class FileSource implements Source {
  readonly size: number;
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
    this.size = fstatSync(descriptor).size;
  }

  readInto(to: Uint8Array, offset: number): void {
    checkRange(this, offset, to.length);
    let done = 0;
    while (done < to.length) {
      const got = this.#readSome(to, done, offset + done);
      if (got === 0) {
        throw this.#error('changed', offset + done, `${this.size} bytes`, 'the end of the file');
      }
      done += got;
    }
  }

  /** Nothing to do: the system reads files ahead by itself. */
  prefetch(): void {}

  #readSome(to: Uint8Array, at: number, position: number): number {
    try {
      return readSync(this.#descriptor, to, at, to.length - at, position);
    } catch (cause) {
      const found = cause instanceof Error ? cause.message : String(cause);
      throw this.#error('io', position, 'a readable file', found, cause);
    }
  }

  #error(kind: 'io' | 'changed', at: number, expected: string, found: string, cause?: unknown): DiskError {
    return new DiskError({ kind, layer: 'file', at, image: null, expected, found, cause });
  }
}
