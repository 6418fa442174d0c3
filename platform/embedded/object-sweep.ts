import { opendir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database } from './database.ts';

/** A file untouched for this long belongs to no put that is under way, in milliseconds. */
const ABANDONED_MS = 24 * 3_600_000;

/**
 * Removes the files that processes which were killed left behind: parts, and files that no row names. Runs at
 * each start, beside the work, and gives up quietly: what it misses waits for the next start.
 */
export async function sweepObjectFiles(db: Database, folder: string, signal: AbortSignal): Promise<void> {
  const named = db.prepare('SELECT 1 FROM objects WHERE file = ?');
  try {
    for await (const { name } of await opendir(folder)) {
      if (signal.aborted) return;
      const path = join(folder, name);
      const { mtimeMs } = await stat(path);
      if (Date.now() - mtimeMs < ABANDONED_MS) continue;
      if ((await db.read(() => named.get(name))) === undefined) await rm(path, { force: true });
    }
  } catch {
    // A file gone meanwhile, or a failing store, which the work itself will report.
  }
}
