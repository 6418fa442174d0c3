import { execFile } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const exec = promisify(execFile);

const PREFIX = 'disklane-pipes-';
/** A folder is needed for milliseconds; one this old belongs to a worker that was killed meanwhile. */
const LEFT_OVER_MS = 60_000;

/** Two ends of a pipe, as blocking descriptors. */
export type Pipe = { readonly read: number; readonly write: number };

/**
 * Makes two pipes. Node gives out pipes only as non-blocking sockets, on which the broker thread could not
 * wait; so these are FIFOs of a private folder, opened at both ends and unlinked at once: from then on they
 * are pipes like any other, and nothing is left to clean up. About 2 ms.
 */
export async function makePipes(): Promise<[Pipe, Pipe]> {
  const folder = await mkdtemp(join(tmpdir(), PREFIX));
  try {
    const first = join(folder, '0');
    const second = join(folder, '1');
    await exec('mkfifo', ['-m', '600', first, second]);
    return [openBoth(first), openBoth(second)];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Opening one end alone would block until the other is opened; with a third descriptor for both it does not. */
function openBoth(path: string): Pipe {
  const both = openSync(path, constants.O_RDWR);
  try {
    return { read: openSync(path, constants.O_RDONLY), write: openSync(path, constants.O_WRONLY) };
  } finally {
    closeSync(both);
  }
}

/** Removes the folders of workers that were killed while they made pipes. Never fails: it is only tidiness. */
export async function removeLeftOvers(): Promise<void> {
  const names = await readdir(tmpdir()).catch(() => []);
  const folders = names.filter((name) => name.startsWith(PREFIX)).map((name) => join(tmpdir(), name));
  await Promise.allSettled(
    folders.map(async (folder) => {
      const { mtimeMs } = await stat(folder);
      if (Date.now() - mtimeMs > LEFT_OVER_MS) await rm(folder, { recursive: true, force: true });
    }),
  );
}
