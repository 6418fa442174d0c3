import { createHmac, timingSafeEqual } from 'node:crypto';
import { ValidationError } from './errors.ts';

/** Bytes of the HMAC that a token carries. */
const SEAL_BYTES = 16;

/** Makes and reads page tokens: positions in a list, sealed so that only what a list gave out is read. */
export class PageTokens {
  readonly #key: Uint8Array;

  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** @param list names the list and its filter; a token works for that one only */
  seal(list: string, position: readonly (string | number)[]): string {
    const body = Buffer.from(JSON.stringify(position));
    return Buffer.concat([this.#hmac(list, body), body]).toString('base64url');
  }

  /** The position that was sealed; throws a ValidationError on `page_token` when this is no token of this list. */
  open(list: string, token: string): unknown[] {
    const bytes = Buffer.from(token, 'base64url');
    const [seal, body] = [bytes.subarray(0, SEAL_BYTES), bytes.subarray(SEAL_BYTES)];
    if (seal.length !== SEAL_BYTES || !timingSafeEqual(seal, this.#hmac(list, body))) {
      throw new ValidationError(
        'page_token',
        'is not a token that this list gave',
        'VALIDATION_ERROR',
        'Request',
      );
    }
    return JSON.parse(body.toString());
  }

  #hmac(list: string, body: Uint8Array): Buffer {
    const context = `page token\n${JSON.stringify(list)}\n`;
    return createHmac('sha256', this.#key).update(context).update(body).digest().subarray(0, SEAL_BYTES);
  }
}
