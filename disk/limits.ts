/** Bounds of one inspection. Each is named in the `limit` error it causes. */
export type Limits = {
  /** Bytes read from all sources together. */
  readonly maxBytesRead: number;
  /** Largest virtual disk accepted, in bytes. */
  readonly maxVirtualSize: number;
  /** Directory entries listed, and records of a table (partitions, packages, …) kept, per list. */
  readonly maxEntries: number;
  /** Depth of nested structures: extent trees, extended partitions, directory walks. */
  readonly maxDepth: number;
  /** Bytes of one guest file read whole into memory (configuration files; package databases stream). */
  readonly maxFileBytes: number;
  /** Symbolic links followed in one path look-up. */
  readonly maxSymlinks: number;
  /** Bytes of the block cache. */
  readonly cacheBytes: number;
};

export const defaultLimits: Limits = {
  maxBytesRead: 4 * 1024 ** 3,
  maxVirtualSize: 64 * 1024 ** 4,
  maxEntries: 1_000_000,
  maxDepth: 64,
  maxFileBytes: 8 * 1024 ** 2,
  maxSymlinks: 40,
  cacheBytes: 16 * 1024 ** 2,
};
