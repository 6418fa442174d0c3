import type { Place } from './error.ts';

/** A run of bytes of a device: stored `data`, allocated or mapped `zero`, or a `hole` nobody wrote. */
export type Extent = {
  readonly offset: number;
  readonly length: number;
  readonly kind: 'data' | 'zero' | 'hole';
};

export type Range = { readonly offset: number; readonly length: number };

/** Random access to bytes. Offsets and lengths are bytes, whole numbers from 0 to 2^53 − 1. */
export interface Source {
  /** Size in bytes, fixed when the source is opened. */
  readonly size: number;
  /**
   * Fills `to` with the bytes from `offset` on: all of them, or it throws a DiskError (`io` past the end or
   * when the source fails, `limit`, or `damage` from the layer below). Never reads less.
   */
  readInto(to: Uint8Array, offset: number): void;
  /** A hint that these ranges are wanted soon. No reply, never fails, ranges past the end are clipped. */
  prefetch(ranges: readonly Range[]): void;
}

/** A disk, a partition, a volume or a file: a source that also knows what is allocated and where it lies. */
export interface BlockDevice extends Source {
  /** Logical sector size in bytes where the device says one; null where it does not (a raw image, a file). */
  readonly sectorSize: 512 | 4096 | null;
  /** What is allocated in the range, in order, without gaps; neighbours of one kind may come apart. */
  extents(offset: number, length: number): Iterable<Extent>;
  /** Where a byte is stored in the image; used to report damage. Never throws on an offset inside the device. */
  place(offset: number): Place;
}

/** Reads `length` bytes into a fresh array. The caller has bounded `length`. */
export function read(source: Source, offset: number, length: number): Uint8Array {
  const to = new Uint8Array(length);
  source.readInto(to, offset);
  return to;
}
