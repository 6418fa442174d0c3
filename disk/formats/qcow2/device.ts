import type { BlockDevice, Extent, Range } from '../../device.ts';
import type { Place } from '../../error.ts';
import { checkRange, clip } from '../../range.ts';
import type { StoredFile } from '../stored.ts';
import { CompressedClusters } from './compressed.ts';
import type { Qcow2Header } from './header.ts';
import { ClusterMap, type Run } from './tables.ts';
import { looksTruncated } from './truncation.ts';

/** Bytes of one hint looked up in the tables: no cache below keeps more. */
const MAX_HINT = 16 * 1024 ** 2;

/**
 * The virtual disk of a qcow2 image. A truncated file is refused here; other damage in a table or cluster
 * shows when that part is read.
 */
export class Qcow2Device implements BlockDevice {
  readonly sectorSize = null;
  readonly size: number;
  readonly #file: StoredFile;
  readonly #map: ClusterMap;
  readonly #compressed: CompressedClusters;

  constructor(file: StoredFile, header: Qcow2Header) {
    this.size = header.size;
    this.#file = file;
    this.#map = new ClusterMap(file, header);
    // First, since refcounts usually lie between the header and the L1 table: so the reads are sequential.
    const truncated = looksTruncated(file, header);
    this.#map.check();
    if (truncated) this.#map.checkClusters();
    this.#compressed = new CompressedClusters(file, header);
  }

  readInto(to: Uint8Array, offset: number): void {
    checkRange(this, offset, to.length);
    let done = 0;
    for (const run of this.#runs(offset, to.length)) {
      this.#readRun(to.subarray(done, done + run.length), run);
      done += run.length;
    }
  }

  /** Passes on where the data lies. A hint only, so a damaged table ends it: the read will say so. */
  prefetch(ranges: readonly Range[]): void {
    const stored: Range[] = [];
    try {
      for (const range of ranges) {
        const { offset, length } = clip(range.offset, Math.min(range.length, MAX_HINT), this.size);
        for (const run of this.#runs(offset, length)) {
          if (run.kind === 'data') stored.push({ offset: run.at, length: run.length });
          if (run.kind === 'compressed') stored.push({ offset: run.at, length: run.stored });
        }
      }
    } catch {}
    if (stored.length > 0) this.#file.prefetch(stored);
  }

  *extents(offset: number, length: number): Iterable<Extent> {
    checkRange(this, offset, length);
    let at = offset;
    for (const run of this.#runs(offset, length)) {
      yield { offset: at, length: run.length, kind: run.kind === 'compressed' ? 'data' : run.kind };
      at += run.length;
    }
  }

  place(offset: number): Place {
    try {
      const run = this.#map.run(offset);
      return run.kind === 'data' ? this.#file.place(run.at) : null;
    } catch {
      return null;
    }
  }

  /** The runs of a range; data that lies in one piece in the file comes as one run. */
  *#runs(offset: number, length: number): Iterable<Run> {
    let pending: Run | null = null;
    const end = offset + length;
    for (let at = offset; at < end; ) {
      const run = this.#map.run(at);
      const part: Run = at + run.length <= end ? run : { ...run, length: end - at };
      at += part.length;
      const joined: Run | null = pending === null ? part : join(pending, part);
      if (joined === null && pending !== null) yield pending;
      pending = joined ?? part;
    }
    if (pending !== null) yield pending;
  }

  #readRun(to: Uint8Array, run: Run): void {
    switch (run.kind) {
      case 'data': {
        // The last cluster of the file may be cut short; qemu reads what is missing as zeroes.
        const { length } = clip(run.at, to.length, this.#file.size);
        if (length > 0) this.#file.readInto(to.subarray(0, length), run.at);
        to.fill(0, length);
        return;
      }
      case 'compressed': {
        const cluster = this.#compressed.cluster(run.at, run.stored);
        to.set(cluster.subarray(run.skip, run.skip + to.length));
        return;
      }
      default:
        to.fill(0);
    }
  }
}

/** One run for two neighbours whose data lies in one piece, or null. */
function join(first: Run, second: Run): Run | null {
  if (first.kind !== 'data' || second.kind !== 'data' || first.at + first.length !== second.at) return null;
  return { kind: 'data', at: first.at, length: first.length + second.length };
}
