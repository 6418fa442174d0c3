import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StorageError } from '../../core/errors.ts';
import { isBusy, translated } from './sqlite-error.ts';

/** Workers of one host that may share a data directory. */
const WORKERS_LIMIT = 1000;

/** The longest host name in an id, so that the id stays within its 128 characters. */
const HOST_LIMIT = 100;

/**
 * A stable worker id, `<host>-<n>` with the lowest n (from 1) that no living process holds in this data directory.
 * It is held until `release` or the process's end, however that comes: the lock is the operating system's, on a
 * file of its own that an open exclusive SQLite transaction locks, since Node has no file locks.
 *
 * The lock files must be opened through SQLite only: closing any other descriptor of one would drop the lock.
 */
export async function takeWorkerId(
  dataDir: string,
  host: string,
): Promise<{ readonly id: string; release(): void }> {
  const folder = join(dataDir, 'workers');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const name =
    host
      .replace(/[^A-Za-z0-9._-]/g, '_')
      .replace(/^\./, '_')
      .slice(0, HOST_LIMIT) || 'worker';
  for (let n = 1; n <= WORKERS_LIMIT; n++) {
    const id = `${name}-${n}`;
    const lock = tryLock(join(folder, `${id}.lock`));
    if (lock !== null) return { id, release: () => lock.close() };
  }
  throw new StorageError(`${WORKERS_LIMIT} workers of ${name} share ${dataDir} already`);
}

/** Null when another process (or this one) has it. */
function tryLock(file: string): DatabaseSync | null {
  let db: DatabaseSync | null = null;
  try {
    db = new DatabaseSync(file, { timeout: 0 });
    db.exec('BEGIN EXCLUSIVE');
    return db;
  } catch (error) {
    db?.close();
    if (isBusy(error)) return null;
    throw translated(error, file);
  }
}
