import type { FileHandle } from 'node:fs/promises';
import { StorageError } from '../../core/errors.ts';
import { readAhead } from '../../core/pieces.ts';

/** Bytes read at a time. */
const PIECE = 256 * 1024;

/**
 * The bytes [start, end) of an open file, in pieces. The file is closed when the last piece was given, and when
 * the reader stops early (`return`, which `break` calls); small ranges are read and closed right away.
 */
export async function readObjectFile(
  handle: FileHandle,
  start: number,
  end: number,
): Promise<AsyncIterable<Uint8Array>> {
  const pieces = new Pieces(handle, start, end);
  return end - start > PIECE ? pieces : readAhead(pieces);
}

/** Not a generator: one that was never started would not close the file on `return`. */
class Pieces implements AsyncIterableIterator<Uint8Array> {
  readonly #handle: FileHandle;
  readonly #end: number;
  #position: number;

  constructor(handle: FileHandle, start: number, end: number) {
    this.#handle = handle;
    this.#position = start;
    this.#end = end;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#position >= this.#end) return this.return();
    try {
      const piece = Buffer.allocUnsafe(Math.min(PIECE, this.#end - this.#position));
      const { bytesRead } = await this.#handle.read(piece, 0, piece.length, this.#position);
      if (bytesRead === 0) throw new Error(`the file ends at byte ${this.#position} of ${this.#end}`);
      this.#position += bytesRead;
      return { done: false, value: piece.subarray(0, bytesRead) };
    } catch (error) {
      await this.return();
      throw new StorageError('a stored object cannot be read', { cause: error });
    }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#position = this.#end;
    await this.#handle.close();
    return { done: true, value: undefined };
  }
}
