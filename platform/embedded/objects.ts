import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { StatementSync } from 'node:sqlite';
import { StorageError } from '../../core/errors.ts';
import { requireObjectKey } from '../../core/object-key.ts';
import type { PageTokens } from '../../core/page-token.ts';
import type { ByteRange, ObjectInfo, ObjectStore, Page } from '../../core/ports.ts';
import type { Database } from './database.ts';
import { hasCode } from './files.ts';
import { readObjectFile } from './object-reader.ts';
import { writeObjectFile } from './object-writer.ts';
import { presign } from './presign.ts';
import { integer, type Row, text } from './row.ts';

/** Attempts to open an object that is replaced at the same time. */
const OPEN_ATTEMPTS = 10;

/**
 * Objects as files with random names in one folder; a table row names the file of each key, with size,
 * checksum and content type. The row is what makes an object visible, so a crash can tear nothing, and no
 * key can name a path outside the folder or clash with another.
 */
export class EmbeddedObjectStore implements ObjectStore {
  readonly #db: Database;
  readonly #folder: string;
  readonly #tokens: PageTokens;
  readonly #clock: () => number;
  readonly #signing: { readonly key: Uint8Array; readonly publicUrl: string };
  readonly #get: StatementSync;
  readonly #put: StatementSync;
  readonly #delete: StatementSync;
  readonly #list: StatementSync;

  constructor(
    db: Database,
    folder: string,
    tokens: PageTokens,
    signing: { readonly key: Uint8Array; readonly publicUrl: string },
    clock: () => number,
  ) {
    this.#db = db;
    this.#folder = folder;
    this.#tokens = tokens;
    this.#signing = signing;
    this.#clock = clock;
    this.#get = db.prepare('SELECT * FROM objects WHERE key = ?');
    this.#put = db.prepare(
      'REPLACE INTO objects (key, file, size, sha256, content_type, modified_at) VALUES (?, ?, ?, ?, ?, ?)',
    );
    this.#delete = db.prepare('DELETE FROM objects WHERE key = ? RETURNING file');
    this.#list = db.prepare('SELECT * FROM objects WHERE key >= ? ORDER BY key LIMIT ?');
  }

  async put(
    key: string,
    body: Uint8Array | AsyncIterable<Uint8Array>,
    { contentType }: { contentType: string },
  ): Promise<{ readonly size: number; readonly sha256: string }> {
    requireObjectKey(key);
    const { file, size, sha256 } = await writeObjectFile(this.#folder, body);
    try {
      const replaced = await this.#db.write(() => {
        const old = this.#get.get(key);
        this.#put.run(key, file, size, sha256, contentType, this.#clock());
        return old;
      });
      if (replaced !== undefined) await this.#removeFile(text(replaced, 'file'));
    } catch (error) {
      await this.#removeUnnamed(key, file);
      throw error;
    }
    return { size, sha256 };
  }

  async get(
    key: string,
    range: ByteRange = { start: 0 },
  ): Promise<{ readonly info: ObjectInfo; readonly body: AsyncIterable<Uint8Array> } | null> {
    const opened = await this.#open(key);
    if (opened === null) return null;
    const { info, handle } = opened;
    const { start } = range;
    const end = Math.min(info.size, (range.end ?? info.size) + 1);
    if (start < 0 || start > end || (start === info.size && start > 0)) {
      await handle.close();
      throw new RangeError(
        `the object has ${info.size} bytes, asked for ${start} to ${range.end ?? 'its end'}`,
      );
    }
    return { info, body: await readObjectFile(handle, start, end) };
  }

  async head(key: string): Promise<ObjectInfo | null> {
    requireObjectKey(key);
    const row = await this.#db.read(() => this.#get.get(key));
    return row === undefined ? null : infoOf(row);
  }

  async presignGet(
    key: string,
    options: { expiresInSeconds: number; filename: string; contentType: string },
  ): Promise<{ readonly url: string; readonly expiresAt: number }> {
    requireObjectKey(key);
    const { key: signingKey, publicUrl } = this.#signing;
    return presign(signingKey, publicUrl, { key, ...options }, this.#clock());
  }

  async list(prefix: string, limit: number, pageToken: string | null): Promise<Page<ObjectInfo>> {
    const list = `objects ${prefix}`;
    // No key holds a NUL, so nothing lies between a key and itself with one.
    const from = pageToken === null ? prefix : `${this.#tokens.open(list, pageToken)[0]}\0`;
    const found = await this.#db.read(() => this.#list.all(from, limit + 1));
    const rows = found.filter((row) => text(row, 'key').startsWith(prefix));
    const items = rows.slice(0, limit).map(infoOf);
    const last = items.at(-1);
    const next = rows.length > limit && last !== undefined ? this.#tokens.seal(list, [last.key]) : null;
    return { items, next };
  }

  async delete(key: string): Promise<void> {
    requireObjectKey(key);
    const removed = await this.#db.write(() => this.#delete.get(key));
    if (removed !== undefined) await this.#removeFile(text(removed, 'file'));
  }

  /** The file is opened by the name that the row gave; a replacement meanwhile takes it away, and we look again. */
  async #open(key: string): Promise<{ info: ObjectInfo; handle: FileHandle } | null> {
    requireObjectKey(key);
    for (let attempt = 1; ; attempt++) {
      const row = await this.#db.read(() => this.#get.get(key));
      if (row === undefined) return null;
      try {
        return { info: infoOf(row), handle: await open(join(this.#folder, text(row, 'file')), 'r') };
      } catch (error) {
        if (error instanceof StorageError) throw error;
        if (hasCode(error, 'ENOENT') && attempt < OPEN_ATTEMPTS) continue;
        throw new StorageError(`the object ${key} cannot be read`, { cause: error });
      }
    }
  }

  /** Readers that have it open keep it. A file that stays behind is collected at a later start. */
  async #removeFile(file: string): Promise<void> {
    await rm(join(this.#folder, file), { force: true }).catch(() => undefined);
  }

  /** After a commit that failed: the file goes, unless the row is seen to name it all the same. */
  async #removeUnnamed(key: string, file: string): Promise<void> {
    try {
      const row = await this.#db.read(() => this.#get.get(key));
      if (row === undefined || text(row, 'file') !== file) await this.#removeFile(file);
    } catch {
      // It cannot be told now; a later start collects the file if no row names it.
    }
  }
}

function infoOf(row: Row): ObjectInfo {
  return {
    key: text(row, 'key'),
    size: integer(row, 'size'),
    etag: `"${text(row, 'sha256')}"`,
    contentType: text(row, 'content_type'),
    modifiedAt: integer(row, 'modified_at'),
  };
}
