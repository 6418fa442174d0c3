import { createHash, randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { StorageError } from '../../core/errors.ts';
import { syncFolder } from './files.ts';

/** The end of a file's name while it is written. */
export const PART = '.part';

export type WrittenFile = { readonly file: string; readonly size: number; readonly sha256: string };

/**
 * Writes bytes to a new file of the folder and gives its name, size and checksum, once they are on the disk:
 * under a temporary name, synced, renamed, and the folder synced. Nothing stays behind when the body throws.
 */
export async function writeObjectFile(
  folder: string,
  body: Uint8Array | AsyncIterable<Uint8Array>,
): Promise<WrittenFile> {
  const file = randomUUID();
  const temporary = join(folder, file + PART);
  try {
    const written = await writePart(temporary, body instanceof Uint8Array ? [body] : body);
    await stored(rename(temporary, join(folder, file)));
    await stored(syncFolder(folder));
    return { file, ...written };
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function writePart(
  path: string,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<{ size: number; sha256: string }> {
  const handle = await stored(open(path, 'wx', 0o600));
  try {
    const hash = createHash('sha256');
    let size = 0;
    for await (const piece of pieces) {
      hash.update(piece);
      size += piece.length;
      await stored(handle.writeFile(piece));
    }
    await stored(handle.sync());
    return { size, sha256: hash.digest('hex') };
  } finally {
    await handle.close();
  }
}

/** A failing disk is a StorageError; a failing body keeps its own error. */
async function stored<T>(step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StorageError(`an object cannot be written: ${reason}`, { cause: error });
  }
}
