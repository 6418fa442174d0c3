import type { Range, Source } from './device.ts';
import { limit } from './error.ts';
import type { Limits } from './limits.ts';
import { checkRange, clip } from './range.ts';

/** Bytes of one cached block: small enough to fetch for one inode, large enough for few round trips. */
const BLOCK = 64 * 1024;

/** Most blocks fetched by one read (1 MiB), so that a buffer stays small whatever is asked for. */
const LONGEST_RUN = 16;

/** Sources that may share a cache; a block's key is its number times this, plus its source's number. */
const MAX_SOURCES = 1 << 16;

/**
 * One cache for all sources of an inspection: blocks of 64 KiB, the least recently used go first, never
 * more than `limits.cacheBytes` of them (but one). It counts what it reads and refuses to read more than
 * `limits.maxBytesRead`, read-ahead included.
 */
export class BlockCache {
  /** Bytes read from the sources so far. */
  bytesRead = 0;
  /** Reads sent to the sources so far. */
  reads = 0;
  readonly #limits: Limits;
  readonly #capacity: number;
  /** In order of use, oldest first: a Map keeps the order of insertion. */
  readonly #blocks = new Map<number, Uint8Array>();
  #sources = 0;
  #newest = -1;

  constructor(limits: Limits) {
    this.#limits = limits;
    this.#capacity = Math.max(1, Math.floor(limits.cacheBytes / BLOCK));
  }

  /** Blocks held; for tests and statistics. */
  get size(): number {
    return this.#blocks.size;
  }

  /** The same bytes, read through the cache. */
  wrap(source: Source): Source {
    if (this.#sources === MAX_SOURCES) throw limit('cache', 'sources', `more than ${MAX_SOURCES}`);
    return new CachedSource(this, source, this.#sources++, Math.min(LONGEST_RUN, this.#capacity));
  }

  has(source: number, block: number): boolean {
    return this.#blocks.has(block * MAX_SOURCES + source);
  }

  take(source: number, block: number): Uint8Array | undefined {
    const key = block * MAX_SOURCES + source;
    const bytes = this.#blocks.get(key);
    if (bytes !== undefined && key !== this.#newest) {
      this.#blocks.delete(key);
      this.#blocks.set(key, bytes);
      this.#newest = key;
    }
    return bytes;
  }

  put(source: number, block: number, bytes: Uint8Array): void {
    const key = block * MAX_SOURCES + source;
    this.#blocks.set(key, bytes);
    this.#newest = key;
    if (this.#blocks.size <= this.#capacity) return;
    for (const oldest of this.#blocks.keys()) {
      this.#blocks.delete(oldest);
      return;
    }
  }

  /** One read of the source itself, counted and bounded. */
  fetch(source: Source, offset: number, length: number): Uint8Array {
    const { maxBytesRead } = this.#limits;
    if (this.bytesRead + length > maxBytesRead) {
      throw limit('cache', 'maxBytesRead', `more than ${maxBytesRead} bytes`);
    }
    this.bytesRead += length;
    this.reads += 1;
    const to = new Uint8Array(length);
    source.readInto(to, offset);
    return to;
  }
}

class CachedSource implements Source {
  readonly size: number;
  readonly #cache: BlockCache;
  readonly #below: Source;
  readonly #id: number;
  readonly #longestRun: number;
  /** The block after the last one fetched: a miss exactly there is sequential reading. */
  #expected = -1;
  /** Blocks fetched at once; doubles while reading stays sequential, so that it wastes half at worst. */
  #window = 1;

  constructor(cache: BlockCache, below: Source, id: number, longestRun: number) {
    this.#cache = cache;
    this.#below = below;
    this.#id = id;
    this.#longestRun = longestRun;
    this.size = below.size;
  }

  readInto(to: Uint8Array, offset: number): void {
    checkRange(this, offset, to.length);
    let done = 0;
    while (done < to.length) {
      const at = offset + done;
      const block = Math.floor(at / BLOCK);
      const bytes =
        this.#cache.take(this.#id, block) ?? this.#load(block, Math.ceil((offset + to.length) / BLOCK));
      const from = at - block * BLOCK;
      const part = bytes.subarray(from, from + to.length - done);
      to.set(part, done);
      done += part.length;
    }
  }

  /** Passes on what is not here yet, in whole blocks, each once, as the reads to come will ask for it. */
  prefetch(ranges: readonly Range[]): void {
    const missing = new Set<number>();
    for (const range of ranges) {
      const { offset, length } = clip(range.offset, range.length, this.size);
      const end = length === 0 ? 0 : Math.ceil((offset + length) / BLOCK);
      // A hint for more than one run would only push out what it brought.
      const last = Math.min(end, Math.floor(offset / BLOCK) + this.#longestRun);
      for (let block = Math.floor(offset / BLOCK); block < last; block++) {
        if (!this.#cache.has(this.#id, block)) missing.add(block);
      }
    }
    const hints: Range[] = [];
    for (const block of [...missing].sort((a, b) => a - b)) {
      if (missing.has(block - 1)) continue;
      let end = block + 1;
      while (missing.has(end)) end++;
      hints.push(clip(block * BLOCK, (end - block) * BLOCK, this.size));
    }
    if (hints.length > 0) this.#below.prefetch(hints);
  }

  /** Fetches the missing `block`, with the missing ones after it up to `end`, or further when sequential. */
  #load(block: number, end: number): Uint8Array {
    this.#window = block === this.#expected ? Math.min(this.#window * 2, this.#longestRun) : 1;
    const wanted = Math.min(Math.max(end - block, this.#window), this.#longestRun);
    const last = Math.min(block + wanted, Math.ceil(this.size / BLOCK));
    const count = this.#missingFrom(block, last);
    const { offset, length } = clip(block * BLOCK, count * BLOCK, this.size);
    const run = this.#cache.fetch(this.#below, offset, length);
    this.#expected = block + count;
    // Copied apart: a view would keep the whole run in memory for as long as one block of it.
    for (let i = count - 1; i > 0; i--) {
      this.#cache.put(this.#id, block + i, run.slice(i * BLOCK, (i + 1) * BLOCK));
    }
    const first = run.slice(0, BLOCK);
    this.#cache.put(this.#id, block, first);
    return first;
  }

  #missingFrom(block: number, last: number): number {
    let count = 0;
    while (block + count < last && !this.#cache.has(this.#id, block + count)) count++;
    return count;
  }
}
