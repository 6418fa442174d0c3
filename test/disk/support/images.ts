import { closeSync, openSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { BlockCache } from '../../../disk/cache.ts';
import type { Range, Source } from '../../../disk/device.ts';
import { DiskError } from '../../../disk/error.ts';
import type { FormatName, OpenedImage } from '../../../disk/formats/format.ts';
import { openImage } from '../../../disk/formats/image.ts';
import { defaultLimits, type Limits } from '../../../disk/limits.ts';
import { FileSource } from '../../../disk/source/file.ts';

/** A file as a source, closed with the test. */
export function fileSource(path: string): FileSource {
  const descriptor = openSync(path, 'r');
  onTestFinished(() => closeSync(descriptor));
  return new FileSource(descriptor);
}

/** Opens an image file the way an inspection does: through the block cache. */
export function openFile(
  path: string,
  format: FormatName | null = null,
  limits: Limits = defaultLimits,
): OpenedImage {
  return openImage(new BlockCache(limits).wrap(fileSource(path)), 0, format, limits);
}

/** A source in memory that records what is asked of it. */
export class RecordingSource implements Source {
  readonly size: number;
  readonly reads: Range[] = [];
  readonly hints: Range[] = [];
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.size = bytes.length;
  }

  readInto(to: Uint8Array, offset: number): void {
    this.reads.push({ offset, length: to.length });
    if (offset + to.length > this.size) throw new Error(`read of ${to.length} at ${offset} past the end`);
    to.set(this.#bytes.subarray(offset, offset + to.length));
  }

  prefetch(ranges: readonly Range[]): void {
    this.hints.push(...ranges);
  }
}

/** The DiskError that `action` throws; anything else, or nothing, fails the test. */
export function diskError(action: () => unknown): DiskError {
  try {
    action();
  } catch (error) {
    if (error instanceof DiskError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
