import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { StorageError } from '../../core/errors.ts';
import { isBusy, isEnvironmental, translated } from './sqlite-error.ts';

/** One commit takes at most this many writes, or as many as run in BATCH_MS, so that the event loop goes on. */
const BATCH_WRITES = 512;
const BATCH_MS = 8;

/** A write that could not get the lock for this long fails. */
const PATIENCE_MS = 10_000;

type Write = {
  /** Runs it inside the transaction and gives what to do once that is committed. */
  readonly run: () => () => void;
  readonly reject: (error: unknown) => void;
  readonly since: number;
  readonly durable: boolean;
};

/** What a write asks of its commit. */
export type WriteOptions = {
  /**
   * True (the default): resolves when the write survives a power cut. False: when it survives this process
   * being killed; for what is made again after a power cut, and so worth no fsync of its own.
   */
  readonly durable?: boolean;
};

/**
 * Writes that arrive together share one commit, and so one fsync. A write is a synchronous function of the
 * database; it may run more than once (a transaction that was rolled back is tried again without the write
 * that failed), and its promise settles after the commit.
 */
export class WriteQueue {
  readonly #db: DatabaseSync;
  readonly #file: string;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  #waiting: Write[] = [];
  #scheduled = false;
  #durable = true;
  #closed = false;
  #drained: (() => void) | null = null;

  constructor(db: DatabaseSync, file: string) {
    this.#db = db;
    this.#file = file;
    this.#begin = db.prepare('BEGIN IMMEDIATE');
    this.#commit = db.prepare('COMMIT');
  }

  add<T>(write: () => T, { durable = true }: WriteOptions = {}): Promise<T> {
    if (this.#closed) return Promise.reject(new StorageError(`the database ${this.#file} is closed`));
    return new Promise((resolve, reject) => {
      const run = () => {
        const value = write();
        return () => resolve(value);
      };
      this.#waiting.push({ run, reject, since: performance.now(), durable });
      // Not at once: whatever else this turn of the event loop brings joins the same commit.
      this.#schedule(0);
    });
  }

  /** Takes no more writes and resolves when those taken have settled. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#waiting.length === 0) return;
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
  }

  #schedule(delayMs: number): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    if (delayMs === 0) setImmediate(() => this.#flush());
    else setTimeout(() => this.#flush(), delayMs);
  }

  #flush(): void {
    this.#scheduled = false;
    const delayMs = this.#transact();
    if (this.#waiting.length > 0) this.#schedule(delayMs);
    else this.#drained?.();
  }

  /** One transaction; gives how long to wait before the next. */
  #transact(): number {
    let running: Write | undefined;
    const done: (() => void)[] = [];
    try {
      this.#require(this.#waiting.slice(0, BATCH_WRITES).some((write) => write.durable));
      this.#begin.run();
      const end = performance.now() + BATCH_MS;
      for (const write of this.#waiting) {
        if (done.length === BATCH_WRITES || performance.now() > end) break;
        running = write;
        done.push(write.run());
      }
      running = undefined;
      this.#commit.run();
    } catch (error) {
      this.#rollBack();
      return this.#afterFailure(error, running, done.length);
    }
    this.#waiting.splice(0, done.length);
    for (const settle of done) settle();
    // Other processes try again about every millisecond: a pause after a full batch gives them the lock.
    return this.#waiting.length > 0 ? 1 : 0;
  }

  /** In WAL mode FULL syncs the log at each commit, NORMAL at checkpoints only; a later FULL commit syncs all before it. */
  #require(durable: boolean): void {
    if (durable === this.#durable) return;
    this.#db.exec(`PRAGMA synchronous = ${durable ? 'FULL' : 'NORMAL'}`);
    this.#durable = durable;
  }

  #rollBack(): void {
    // SQLite has rolled back itself after some errors (a full disk, an I/O error).
    if (!this.#db.isTransaction) return;
    try {
      this.#db.exec('ROLLBACK');
    } catch {
      // The error that led here is the one to report; a transaction left open fails the next BEGIN.
    }
  }

  /** Nothing was written. `running` is the write that threw, undefined when it was the BEGIN or the COMMIT. */
  #afterFailure(error: unknown, running: Write | undefined, before: number): number {
    if (isBusy(error)) {
      this.#expire(error);
      return 1 + Math.random() * 2;
    }
    if (running !== undefined && !isEnvironmental(error)) {
      this.#waiting.splice(before, 1);
      running.reject(translated(error, this.#file));
      return 0;
    }
    const failed = this.#waiting;
    this.#waiting = [];
    for (const write of failed) write.reject(translated(error, this.#file));
    return 0;
  }

  #expire(error: unknown): void {
    const oldest = performance.now() - PATIENCE_MS;
    const kept = this.#waiting.findIndex((write) => write.since > oldest);
    for (const write of this.#waiting.splice(0, kept === -1 ? this.#waiting.length : kept)) {
      const message = `the database ${this.#file} was locked by another process for ${PATIENCE_MS / 1000} s`;
      write.reject(new StorageError(message, { cause: error }));
    }
  }
}
