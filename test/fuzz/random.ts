/** Random numbers that depend on nothing but the seed: xorshift128, seeded by a hash of text. */
export class Random {
  readonly #state: Uint32Array;

  constructor(seed: string) {
    this.#state = Uint32Array.from([1, 2, 3, 4], (salt) => hash(`${salt}:${seed}`));
    if (this.#state.every((word) => word === 0)) this.#state[0] = 1;
  }

  /** A whole number from 0 to `below` − 1; `below` is at most 2^32. */
  below(below: number): number {
    const [a = 0, , , d = 0] = this.#state;
    const t = a ^ (a << 11);
    this.#state.copyWithin(0, 1);
    this.#state[3] = d ^ (d >>> 19) ^ t ^ (t >>> 8);
    return Math.floor(((this.#state[3] ?? 0) / 2 ** 32) * below);
  }

  /** True one time in `n`. */
  once(n: number): boolean {
    return this.below(n) === 0;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}

/** FNV-1a with a final mix. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (const byte of Buffer.from(text)) h = Math.imul(h ^ byte, 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0;
}
