declare const nameBrand: unique symbol;

/**
 * A name or path as the guest's bytes: a string of one character (U+0000 to U+00FF) for each byte, so
 * that `===`, Map keys, `split('/')` and `startsWith` work bytewise. It becomes text only in the result.
 */
export type Name = string & { readonly [nameBrand]: true };

/** The bytes as a name. */
export function nameOf(bytes: Uint8Array): Name {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1') as Name;
}

/** Text of our own (a path we look up) as a name: its UTF-8 bytes. */
export function name(text: string): Name {
  return Buffer.from(text, 'utf8').toString('latin1') as Name;
}

/** The bytes of a name. */
export function bytesOf(value: Name): Buffer {
  return Buffer.from(value, 'latin1');
}

/** Nearly all names are, and need no decoding. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: every ASCII byte counts
const ascii = /^[\x00-\x7f]*$/;

/** A name as text for people: UTF-8, with U+FFFD where the bytes are not. */
export function textOf(value: Name): string {
  return ascii.test(value) ? value : bytesOf(value).toString('utf8');
}

/** Whether the name's bytes are valid UTF-8, so that {@link textOf} lost nothing. */
export function isUtf8(value: Name): boolean {
  return ascii.test(value) || name(textOf(value)) === value;
}
