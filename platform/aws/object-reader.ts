import { Readable } from 'node:stream';
import type { GetObjectCommandOutput } from '@aws-sdk/client-s3';
import { StorageError } from '../../core/errors.ts';
import { readAhead } from '../../core/pieces.ts';

/**
 * A body up to this many bytes, as results that come inline have, is read at once: a reader that never reads it
 * holds no connection. (LocalStack, unlike S3, breaks a body off when its object is replaced meanwhile.)
 */
const SMALL = 4 * 1024 * 1024;

/** The bytes of a reply. The connection is free when the last piece was given, or when the reader stops early. */
export async function readBody(
  key: string,
  { Body: body, ContentLength: length = 0 }: GetObjectCommandOutput,
): Promise<AsyncIterable<Uint8Array>> {
  if (!(body instanceof Readable)) throw new StorageError(`S3 gave no body for the object ${key}`);
  const pieces = new Pieces(key, body, length);
  return length > SMALL ? pieces : readAhead(pieces);
}

/** Not a generator: one that was never started would not free the connection on `return`. */
class Pieces implements AsyncIterableIterator<Uint8Array> {
  readonly #key: string;
  readonly #body: Readable;
  readonly #pieces: AsyncIterator<Uint8Array>;
  readonly #length: number;
  #read = 0;

  constructor(key: string, body: Readable, length: number) {
    this.#key = key;
    this.#body = body;
    this.#length = length;
    this.#pieces = body[Symbol.asyncIterator]();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    let result: IteratorResult<Uint8Array>;
    try {
      result = await this.#pieces.next();
    } catch (error) {
      throw this.#broken(error);
    }
    if (result.done !== true) this.#read += result.value.length;
    else if (this.#read !== this.#length) throw this.#broken(undefined);
    return result;
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#body.destroy();
    return { done: true, value: undefined };
  }

  #broken(cause: unknown): StorageError {
    return new StorageError(
      `the object ${this.#key} cannot be read: it broke off at byte ${this.#read} of ${this.#length}`,
      { cause },
    );
  }
}
