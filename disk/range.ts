import { DiskError } from './error.ts';

/** The layer of a read outside a device: the bytes of the layer above led there, not a failing source. */
export const RANGE_LAYER = 'range';

type Sized = { readonly size: number };

/** Throws a DiskError (`io`, layer `range`) unless the whole range lies inside the source. */
export function checkRange(source: Sized, offset: number, length: number): void {
  // Written so that NaN, fractions and values past 2^53 − 1 fail too.
  if (Number.isSafeInteger(offset) && offset >= 0 && length >= 0 && offset + length <= source.size) return;
  throw new DiskError({
    kind: 'io',
    layer: RANGE_LAYER,
    at: offset,
    image: null,
    expected: `a range inside ${source.size} bytes`,
    found: `${length} bytes at ${offset}`,
  });
}

/** The part of the range that lies inside `size` bytes; for hints, which never fail. */
export function clip(offset: number, length: number, size: number): { offset: number; length: number } {
  const from = Math.min(Math.max(offset, 0), size);
  return { offset: from, length: Math.max(Math.min(offset + length, size) - from, 0) };
}
