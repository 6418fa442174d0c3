import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

/** One piece of a set-up; what it makes lies in a folder of its own. */
export type Step = {
  /** Names its stamp and its folder. */
  readonly id: string;
  /** What is shown while it runs, as "installing …". */
  readonly doing: string;
  /** All that its result depends on; another value does it again. */
  readonly inputs: readonly string[];
  /** Fills the folder, which is there and empty. */
  run(folder: string, signal: AbortSignal): Promise<void>;
};

export type Steps = {
  /** The folder that the step has filled: now, or once before with the same inputs. */
  do(step: Step): Promise<string>;
  /** Lets the next one in. */
  close(): void;
};

const stampSchema = z.object({ inputs: z.array(z.string()), folder: z.string() });

/**
 * The steps of one set-up in `root`, by one process at a time; another waits. A stamp is written when a step is
 * complete and names the folder it filled. Each attempt has a folder of its own, so that nothing of an attempt that
 * was cut off, and no straggler of it, is in the one that counts.
 */
export async function openSteps(
  root: string,
  { say, signal }: { say: (line: string) => void; signal: AbortSignal },
): Promise<Steps> {
  await mkdir(root, { recursive: true });
  const lock = await takeLock(join(root, 'lock'), say, signal);
  return {
    async do({ id, doing, inputs, run }) {
      signal.throwIfAborted();
      const stamp = join(root, `${id}.json`);
      const done = await readStamp(stamp);
      if (done !== null && same(done.inputs, inputs) && (await isFolder(join(root, done.folder)))) {
        return join(root, done.folder);
      }
      await rm(stamp, { force: true });
      await removeAttempts(root, id);
      const folder = join(root, `${id}-${randomUUID().slice(0, 8)}`);
      await mkdir(folder);
      say(`${doing} …`);
      const began = performance.now();
      await run(folder, signal);
      signal.throwIfAborted();
      await writeFile(`${stamp}.new`, JSON.stringify({ inputs, folder: basename(folder) }));
      await rename(`${stamp}.new`, stamp);
      say(`${doing}: done in ${((performance.now() - began) / 1000).toFixed(1)} s`);
      return folder;
    },
    close: () => lock.close(),
  };
}

/** The operating system's lock on a file, which an open SQLite transaction is, since Node has none of its own. */
async function takeLock(
  file: string,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<DatabaseSync> {
  for (let told = false; ; told = true) {
    const db = new DatabaseSync(file, { timeout: 0 });
    try {
      db.exec('BEGIN EXCLUSIVE');
      return db;
    } catch (error) {
      db.close();
      if (!(error instanceof Error && error.message.includes('locked'))) throw error;
    }
    if (!told) say('waiting for another set-up in the same folder');
    await sleep(500, undefined, { signal });
  }
}

async function readStamp(file: string): Promise<z.infer<typeof stampSchema> | null> {
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    return stampSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** What cannot be removed yet, because a straggler still writes there, goes the next time. */
async function removeAttempts(root: string, id: string): Promise<void> {
  const attempt = new RegExp(`^${RegExp.escape(id)}-[0-9a-f]{8}$`);
  const names = (await readdir(root)).filter((name) => attempt.test(name));
  await Promise.all(
    names.map((name) => rm(join(root, name), { recursive: true, force: true }).catch(() => {})),
  );
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  return found?.isDirectory() ?? false;
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value, n) => value === b[n]);
}
