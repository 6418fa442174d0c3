import { mkdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { StorageError } from '../../core/errors.ts';
import { hasCode } from './files.ts';

/**
 * Makes the data directory, for its owner only, with its folder of objects, and gives its real path. Refused
 * with a StorageError where it and an image root lie inside each other: jobs name paths under the roots, and
 * would read the database, the key, or other people's results as an image.
 */
export async function prepareDataDirectory(dataDir: string, imageRoots: readonly string[]): Promise<string> {
  const planned = await resolved(dataDir);
  for (const root of imageRoots) {
    const rootPath = await resolved(root);
    if (inside(planned, rootPath)) {
      throw new StorageError(`the data directory ${planned} lies inside the image root ${rootPath}`);
    }
    if (inside(rootPath, planned)) {
      throw new StorageError(`the image root ${rootPath} lies inside the data directory ${planned}`);
    }
  }
  try {
    await makeFolder(join(planned, 'objects'));
  } catch (error) {
    throw new StorageError(`the data directory ${planned} cannot be made`, { cause: error });
  }
  return planned;
}

/**
 * Makes the folder and those above it that are missing. Not by mkdir's own `recursive`: that never ends where a
 * filesystem answers ENOENT below a folder that is there (procfs, autofs).
 */
async function makeFolder(path: string): Promise<void> {
  try {
    await makeOne(path);
  } catch (error) {
    if (!hasCode(error, 'ENOENT') || path === dirname(path)) throw error;
    await makeFolder(dirname(path));
    await makeOne(path);
  }
}

/** A folder that is there already, perhaps made by another process just now, is fine. */
async function makeOne(path: string): Promise<void> {
  try {
    await mkdir(path, 0o700);
  } catch (error) {
    if (!hasCode(error, 'EEXIST') || !(await stat(path)).isDirectory()) throw error;
  }
}

/** The real path; of what is not there yet, the nearest parent's that is, and the rest as written. */
async function resolved(path: string): Promise<string> {
  const absolute = resolve(path);
  const missing: string[] = [];
  for (let existing = absolute; ; existing = dirname(existing)) {
    try {
      return join(await realpath(existing), ...missing);
    } catch (error) {
      if (!hasCode(error, 'ENOENT') || existing === dirname(existing)) {
        throw new StorageError(`the path ${absolute} cannot be resolved`, { cause: error });
      }
      missing.unshift(basename(existing));
    }
  }
}

/** Whether the path is the folder or lies in it. */
function inside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`));
}
