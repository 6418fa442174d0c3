import { open } from 'node:fs/promises';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { StorageError } from '../../core/errors.ts';
import { hasCode } from './files.ts';
import { integer } from './row.ts';
import { APPLICATION_ID, migrations } from './schema.ts';
import { isBusy, translated } from './sqlite-error.ts';
import { type WriteOptions, WriteQueue } from './write-queue.ts';

/** How long SQLite may block the event loop for a lock, in milliseconds; longer waits are ours and asynchronous. */
const BLOCKING_MS = 2;

/** How long a read or the opening waits for a lock in all. */
const PATIENCE_MS = 10_000;

/** Memory for pages, in KiB. */
const CACHE_KIB = 32 * 1024;

/** Pages in the WAL before they are copied to the database: more let a page that changes often be copied once. */
const CHECKPOINT_PAGES = 4000;

/**
 * One process's connection to the data directory's database: in WAL mode, where readers never wait for the
 * writer, and with synchronous=FULL, so that what was committed survives a power cut.
 */
export class Database {
  readonly #db: DatabaseSync;
  readonly #file: string;
  readonly #writes: WriteQueue;
  readonly #dataVersion: StatementSync;

  private constructor(db: DatabaseSync, file: string) {
    this.#db = db;
    this.#file = file;
    this.#writes = new WriteQueue(db, file);
    this.#dataVersion = db.prepare('PRAGMA data_version');
  }

  /**
   * Opens the file, or makes it, and brings its schema to this program's version. Throws a StorageError, and
   * leaves the file as it is, when it is no SQLite database, is damaged, belongs to something else, or was
   * written by a newer version.
   */
  static async open(file: string): Promise<Database> {
    let db: DatabaseSync;
    try {
      await makePrivate(file);
      db = new DatabaseSync(file, { timeout: BLOCKING_MS });
    } catch (error) {
      throw translated(error, file);
    }
    try {
      await patiently(file, () => requireOurs(db, file));
      await patiently(file, () => db.exec('PRAGMA journal_mode = WAL'));
      db.exec(`
        PRAGMA synchronous = FULL;
        PRAGMA cache_size = -${CACHE_KIB};
        PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
      `);
      await patiently(file, () => migrate(db, file));
      return new Database(db, file);
    } catch (error) {
      db.close();
      throw error;
    }
  }

  prepare(sql: string): StatementSync {
    return this.#db.prepare(sql);
  }

  /** Runs a read; it sees every write that was acknowledged, by this process or another. */
  read<T>(query: () => T): Promise<T> {
    return patiently(this.#file, query);
  }

  /** Runs a write in a transaction that it may share with others, and resolves when that is on the disk. */
  write<T>(write: () => T, options?: WriteOptions): Promise<T> {
    return this.#writes.add(write, options);
  }

  /** Changes whenever another process commits; NaN, which equals nothing, when it cannot be told now. */
  dataVersion(): number {
    try {
      return integer(this.#dataVersion.get(), 'data_version');
    } catch {
      return Number.NaN;
    }
  }

  async close(): Promise<void> {
    await this.#writes.close();
    if (this.#db.isOpen) this.#db.close();
  }
}

/**
 * Makes the file, readable by its owner only, where there is none; SQLite gives its WAL the same mode. One that
 * is there is not opened here: closing it would drop the locks that this process holds on it.
 */
async function makePrivate(file: string): Promise<void> {
  try {
    await (await open(file, 'wx', 0o600)).close();
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
}

/** Tries again while another process has the lock, without blocking the event loop. */
async function patiently<T>(file: string, attempt: () => T): Promise<T> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error) || performance.now() > end) throw translated(error, file);
      await sleep(1 + Math.random() * 2);
    }
  }
}

function pragma(db: DatabaseSync, name: string): number {
  return integer(db.prepare(`PRAGMA ${name}`).get(), name);
}

/** Reads only: whatever is wrong with the file, it stays untouched. */
function requireOurs(db: DatabaseSync, file: string): void {
  const version = pragma(db, 'user_version');
  const application = pragma(db, 'application_id');
  const tables = integer(db.prepare('SELECT count(*) AS tables FROM sqlite_schema').get(), 'tables');
  if (tables > 0 && application !== APPLICATION_ID) {
    throw new StorageError(`${file} is a SQLite database of another program (application_id ${application})`);
  }
  requireKnown(version, file);
}

function requireKnown(version: number, file: string): void {
  if (version <= migrations.length) return;
  throw new StorageError(
    `${file} was written by a newer version: its schema is ${version}, this program knows ${migrations.length}`,
  );
}

function migrate(db: DatabaseSync, file: string): void {
  if (pragma(db, 'user_version') === migrations.length) return;
  // The version is read again under the lock: another process may have migrated meanwhile.
  db.exec('BEGIN IMMEDIATE');
  try {
    const version = pragma(db, 'user_version');
    requireKnown(version, file);
    for (const step of migrations.slice(version)) db.exec(step);
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${migrations.length}; COMMIT`);
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}
