/** The longest object key, in bytes of UTF-8. */
const KEY_LIMIT = 1024;

/**
 * Refuses a key that no platform may store: not 1 to 1,024 bytes of well-formed text, or with a part (between
 * slashes) that is empty, `.` or `..`. Keys are made by our own code, so a wrong one is a RangeError.
 */
export function requireObjectKey(key: string): void {
  const size = Buffer.byteLength(key);
  if (size < 1 || size > KEY_LIMIT) {
    throw new RangeError(`an object key has 1 to ${KEY_LIMIT} bytes, found ${size}`);
  }
  if (!key.isWellFormed() || key.includes('\0')) throw new RangeError('an object key is well-formed text');
  for (const part of key.split('/')) {
    if (part === '' || part === '.' || part === '..') {
      throw new RangeError(`an object key has no part '${part}', found ${JSON.stringify(key)}`);
    }
  }
}
