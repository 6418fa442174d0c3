import { randomBytes, randomUUID } from 'node:crypto';
import { link, open, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { StorageError } from '../../core/errors.ts';
import { hasCode, syncFolder } from './files.ts';

const KEY_BYTES = 32;

/**
 * The data directory's secret, which seals presigned URLs and page tokens: 32 random bytes, made at the first
 * start. Refused when others may read the file, since they may have done so.
 */
export async function signingKey(dataDir: string): Promise<Buffer> {
  const file = join(dataDir, 'signing-key');
  try {
    try {
      return await read(file);
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
    }
    await make(file);
    return await read(file);
  } catch (error) {
    if (error instanceof StorageError) throw error;
    throw new StorageError(`the key ${file} cannot be read or made`, { cause: error });
  }
}

async function read(file: string): Promise<Buffer> {
  const handle = await open(file, 'r');
  try {
    const { mode } = await handle.stat();
    if ((mode & 0o077) !== 0) {
      const found = (mode & 0o777).toString(8);
      throw new StorageError(
        `${file} must be readable by its owner only, found mode ${found}: chmod it to 600, or, when others may have read it, remove it so that a new key is made`,
      );
    }
    const key = await handle.readFile();
    if (key.length !== KEY_BYTES) {
      throw new StorageError(`${file} is damaged: expected ${KEY_BYTES} bytes, found ${key.length}`);
    }
    return key;
  } finally {
    await handle.close();
  }
}

/** Written whole under another name and then linked, which fails where another process was first. */
async function make(file: string): Promise<void> {
  const temporary = `${file}.${randomUUID()}`;
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.writeFile(randomBytes(KEY_BYTES));
    await handle.sync();
    await link(temporary, file);
    await syncFolder(dirname(file));
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  } finally {
    await handle.close();
    await unlink(temporary);
  }
}
