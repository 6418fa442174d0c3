import { createHash } from 'node:crypto';

/**
 * SHA-256 in hexadecimal over the canonical JSON of a value: keys sorted, nothing undefined, no white space.
 * Two job documents with one fingerprint are the same document.
 */
export function fingerprint(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    // Object.fromEntries defines own properties, so that a key such as __proto__ stays a key.
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  });
}
