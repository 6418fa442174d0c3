const PAGE = 4096;

/** A seed with changes: only the pages written to are copied, so that a case costs what it changes. */
export class MutatedImage {
  readonly #seed: Uint8Array;
  readonly #pages = new Map<number, Uint8Array>();
  #size: number;

  constructor(seed: Uint8Array) {
    this.#seed = seed;
    this.#size = seed.length;
  }

  get size(): number {
    return this.#size;
  }

  /** Cuts the image, or lengthens it by zeroes. */
  resize(size: number): void {
    this.#size = size;
  }

  /** Bytes of the image; what lies outside it is zero. */
  read(at: number, length: number): Buffer {
    const to = Buffer.alloc(length);
    this.readInto(to, at);
    return to;
  }

  readInto(to: Uint8Array, at: number): void {
    for (let done = 0; done < to.length; ) {
      const page = Math.floor((at + done) / PAGE);
      const from = at + done - page * PAGE;
      const take = Math.min(PAGE - from, to.length - done);
      const changed = this.#pages.get(page);
      if (changed !== undefined) to.set(changed.subarray(from, from + take), done);
      else {
        const kept = this.#seed.subarray(at + done, at + done + take);
        to.set(kept, done);
        to.fill(0, done + kept.length, done + take);
      }
      done += take;
    }
  }

  /** Changes bytes; those outside the image are dropped. */
  write(at: number, bytes: Uint8Array): void {
    const end = Math.min(at + bytes.length, this.#size);
    for (let position = Math.max(at, 0); position < end; ) {
      const page = Math.floor(position / PAGE);
      const take = Math.min((page + 1) * PAGE, end) - position;
      this.#page(page).set(bytes.subarray(position - at, position - at + take), position - page * PAGE);
      position += take;
    }
  }

  /** The pages that differ from the seed, by their offset, as base64. */
  changes(): Record<string, string> {
    const changes = [...this.#pages].map(([page, bytes]) => [
      page * PAGE,
      Buffer.from(bytes).toString('base64'),
    ]);
    return Object.fromEntries(changes);
  }

  #page(page: number): Uint8Array {
    const known = this.#pages.get(page);
    if (known !== undefined) return known;
    const fresh = new Uint8Array(PAGE);
    fresh.set(this.#seed.subarray(page * PAGE, (page + 1) * PAGE));
    this.#pages.set(page, fresh);
    return fresh;
  }
}
