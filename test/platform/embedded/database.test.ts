import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { StorageError } from '../../../core/errors.ts';
import { Database } from '../../../platform/embedded/database.ts';
import { openEmbeddedPlatform } from '../../../platform/embedded/platform.ts';
import { run } from '../../support/run.ts';
import { scratch } from '../../support/scratch.ts';
import { newMessage, newRecord } from '../conformance/subject.ts';

async function fileWith(bytes: Uint8Array | string): Promise<string> {
  const file = join(await scratch(), 'disklane.db');
  await writeFile(file, bytes);
  return file;
}

async function requireRefused(file: string, message: RegExp): Promise<void> {
  const before = await readFile(file);
  const refusal = await Database.open(file).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(StorageError);
  expect(String(refusal)).toContain(file);
  expect(String(refusal)).toMatch(message);
  expect((await readFile(file)).equals(before)).toBe(true);
}

test('a file that is no SQLite database is refused by name and stays as it is', async () => {
  await requireRefused(await fileWith('these are my notes\n'.repeat(500)), /not a database/);
  await requireRefused(await fileWith(randomBytes(20_000)), /not a database/);
});

test('a damaged database is refused by name and stays as it is', async () => {
  const file = join(await scratch(), 'disklane.db');
  await (await Database.open(file)).close();
  const bytes = await readFile(file);
  // The first page's header stays; the table of tables below it is overwritten.
  await writeFile(file, Buffer.concat([bytes.subarray(0, 100), Buffer.alloc(bytes.length - 100, 0xa5)]));
  await requireRefused(file, /malformed/);
});

test('a database of another program is refused by name and stays as it is', async () => {
  const file = join(await scratch(), 'disklane.db');
  const db = new DatabaseSync(file);
  db.exec('CREATE TABLE photos (id INTEGER)');
  db.close();
  await requireRefused(file, /another program/);
});

test('a database of a newer version is refused, with both versions named', async () => {
  const file = join(await scratch(), 'disklane.db');
  await (await Database.open(file)).close();
  const db = new DatabaseSync(file);
  db.exec('PRAGMA user_version = 99');
  db.close();
  await requireRefused(file, /newer version: its schema is 99, this program knows 1/);
});

test('the database is in WAL mode and syncs every commit', async () => {
  const db = await Database.open(join(await scratch(), 'disklane.db'));
  expect(db.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
  expect(db.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 });
  await db.close();
});

test('a damaged row is a StorageError for the one who reads it, and nobody else', async () => {
  const platform = await openEmbeddedPlatform({
    dataDir: join(await scratch(), 'data'),
    publicUrl: 'http://x',
  });
  const { jobs, workers } = platform;
  const [bad, good] = [newRecord({ due_at: 1 }), newRecord()];
  await jobs.insert(bad);
  await jobs.insert(good);
  const db = new DatabaseSync(join(platform.dataDir, 'disklane.db'));
  db.prepare(`UPDATE jobs SET record = '{"job_id":' WHERE job_id = ?`).run(bad.job_id);
  db.close();
  await expect(jobs.get(bad.job_id)).rejects.toThrow(StorageError);
  await expect(jobs.due(10, 10)).rejects.toThrow(StorageError);
  await expect(jobs.insert(bad)).rejects.toThrow(StorageError);
  expect(await jobs.get(good.job_id)).toEqual(good);
  expect(await workers.list()).toEqual([]);
  await platform.close();
});

test('a full disk is a StorageError, and the work goes on when there is room again', async () => {
  const mount = join(await scratch(), 'small');
  await mkdir(mount);
  await run('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', mount]);
  onTestFinished(async () => {
    await run('umount', [mount]);
  });
  const platform = await openEmbeddedPlatform({ dataDir: join(mount, 'data'), publicUrl: 'http://x' });
  const filler = Buffer.alloc(1024 * 1024);
  await platform.objects.put('filler', filler, { contentType: 'text/plain' });
  await expect(
    platform.objects.put('too-big', Buffer.alloc(8 * 1024 * 1024), { contentType: 'text/plain' }),
  ).rejects.toThrow(StorageError);
  expect(await platform.objects.head('too-big')).toBeNull();

  const stored: string[] = [];
  const fill = async () => {
    for (;;) {
      const record = newRecord({ waiting_for: 'x'.repeat(20_000) });
      await platform.jobs.insert(record);
      stored.push(record.job_id);
    }
  };
  await expect(fill()).rejects.toThrow(StorageError);
  for (const id of stored) expect(await platform.jobs.get(id)).toMatchObject({ job_id: id });

  await platform.objects.delete('filler').catch(() => undefined);
  await run('mount', ['-o', 'remount,size=20m', mount]);
  await platform.jobs.insert(newRecord());
  await platform.close();
});

test('a closed platform refuses with a StorageError', async () => {
  const platform = await openEmbeddedPlatform({
    dataDir: join(await scratch(), 'data'),
    publicUrl: 'http://x',
  });
  const lane = { pool: 'default', band: 'normal' } as const;
  const receiving = platform.queue.receive(lane, { max: 1, waitSeconds: 20, visibilitySeconds: 5 });
  const inserting = platform.jobs.insert(newRecord());
  await platform.close();
  expect(await inserting).toEqual({ inserted: true });
  expect(await receiving).toEqual([]);
  await expect(platform.jobs.get('any')).rejects.toThrow(StorageError);
  const sending = platform.queue.send(lane, newMessage(), { delaySeconds: 0, group: 'g' });
  await expect(sending).rejects.toThrow(StorageError);
});
