import type { Database } from './database.ts';

/** How often another process's commits are looked for while someone waits, in milliseconds. */
const POLL_MS = 3;

type Waiter = { readonly lane: string; readonly since: number; readonly wake: () => void };

/**
 * Wakes those that wait for a message: at once when this process sends one, and within a few milliseconds
 * when another process commits anything. The WAL file is not watched, since it changes before the commit
 * can be seen.
 */
export class Arrivals {
  readonly #db: Database;
  readonly #waiters = new Set<Waiter>();
  #poll: NodeJS.Timeout | null = null;

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * Starts to listen; look at the lane after this call and before `arrived` is awaited, and no arrival is
   * missed. `arrived` resolves after `ms` in any case.
   */
  listen(
    lane: string,
    signal: AbortSignal | undefined,
  ): { arrived(ms: number): Promise<void>; stop(): void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiter = { lane, since: this.#db.dataVersion(), wake: () => resolve() };
    let timer: NodeJS.Timeout | undefined;
    this.#waiters.add(waiter);
    this.#poll ??= setInterval(() => this.#look(), POLL_MS);
    signal?.addEventListener('abort', waiter.wake);
    return {
      arrived(ms) {
        timer = setTimeout(resolve, ms);
        return promise;
      },
      stop: () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', waiter.wake);
        this.#waiters.delete(waiter);
        if (this.#waiters.size === 0) this.#stopPolling();
      },
    };
  }

  /** This process has committed a message of that lane. */
  announce(lane: string): void {
    for (const waiter of this.#waiters) if (waiter.lane === lane) waiter.wake();
  }

  /** Wakes everyone, for good. */
  close(): void {
    this.#stopPolling();
    for (const waiter of this.#waiters) waiter.wake();
  }

  #look(): void {
    const version = this.#db.dataVersion();
    for (const waiter of this.#waiters) if (waiter.since !== version) waiter.wake();
  }

  #stopPolling(): void {
    if (this.#poll !== null) clearInterval(this.#poll);
    this.#poll = null;
  }
}
