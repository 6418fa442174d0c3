import { StorageError } from '../../core/errors.ts';

// Primary result codes, https://www.sqlite.org/rescode.html
const [BUSY, LOCKED] = [5, 6];
const [NOMEM, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, PROTOCOL, NOTADB] = [7, 8, 10, 11, 13, 14, 15, 26];
const environmental: ReadonlySet<number | undefined> = new Set([
  NOMEM,
  READONLY,
  IOERR,
  CORRUPT,
  FULL,
  CANTOPEN,
  PROTOCOL,
  NOTADB,
]);

/** SQLite's primary result code of an error that node:sqlite threw; undefined for any other error. */
function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number')
    return undefined;
  return error.errcode & 0xff;
}

/** Another connection holds the lock: worth trying again. */
export function isBusy(error: unknown): boolean {
  const code = resultCode(error);
  return code === BUSY || code === LOCKED;
}

/** The file, the disk or the memory is at fault, not the statement: whatever else is tried now fails too. */
export function isEnvironmental(error: unknown): boolean {
  return environmental.has(resultCode(error));
}

/** What the caller of a port is given for an error: SQLite's and the system's become a StorageError, others stay. */
export function translated(error: unknown, file: string): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  if (error.code === 'ERR_SQLITE_ERROR' || error.code === 'ERR_INVALID_STATE' || 'syscall' in error) {
    return new StorageError(`the database ${file} fails: ${error.message}`, { cause: error });
  }
  return error;
}
