/**
 * The store's time, from this host's clock and the Date headers of the store's replies. A header has whole
 * seconds, so a reply bounds the offset between two values, wider the longer it took; the offset is moved only
 * as far as a reply proves it wrong. A host that keeps the right time thus keeps its own milliseconds.
 */
export class StoreClock {
  readonly #host: () => number;
  #offsetMs = 0;

  /** @param host this host's clock, in milliseconds since 1970 */
  constructor(host: () => number = Date.now) {
    this.#host = host;
  }

  /** Milliseconds since 1970; this host's time before the first reply. */
  now(): number {
    return Math.round(this.#host() + this.#offsetMs);
  }

  /** Notes that a request is sent; call what is given with its reply's Date header (RFC 9110 §6.6.1). */
  request(): (date: string | undefined) => void {
    const sentAt = this.#host();
    return (date) => {
      const second = date === undefined ? Number.NaN : Date.parse(date);
      if (Number.isNaN(second)) return;
      // The header was made after we sent and before we received, within the second it names.
      const [least, most] = [second - this.#host(), second + 1000 - sentAt];
      if (least <= most) this.#offsetMs = Math.min(most, Math.max(least, this.#offsetMs));
    };
  }
}
