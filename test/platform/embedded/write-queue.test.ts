import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { Database } from '../../../platform/embedded/database.ts';
import { scratch } from '../../support/scratch.ts';

/** A database with a table of numbers, written through the queue, and another connection to the same file. */
async function open() {
  const file = join(await scratch(), 'disklane.db');
  const db = await Database.open(file);
  await db.write(() => db.prepare('CREATE TABLE numbers (n INTEGER PRIMARY KEY)').run());
  const insert = db.prepare('INSERT INTO numbers VALUES (?)');
  const other = new DatabaseSync(file, { timeout: 0 });
  const select = other.prepare('SELECT n FROM numbers ORDER BY n');
  onTestFinished(async () => {
    other.close();
    await db.close();
  });
  return { db, other, insert, seen: () => select.all().map((row) => row.n) };
}

test('writes that arrive together share one commit', async () => {
  const { db, insert, seen } = await open();
  const writes = Array.from({ length: 100 }, (_, n) =>
    db.write(() => insert.run(n)).then(() => seen().length),
  );
  expect(seen()).toEqual([]);
  // Each commit shows as another count. One is usual; a busy machine may end a batch early.
  const counts = new Set(await Promise.all(writes));
  expect(counts.size).toBeLessThan(20);
  expect(Math.max(...counts)).toBe(100);
});

test('a write that fails, halfway too, fails alone and leaves nothing', async () => {
  const { db, insert, seen } = await open();
  const writes = [1, 2, 3, 2, 4].map((n) => db.write(() => insert.run(n)));
  const halfway = db.write(() => {
    insert.run(50);
    throw new RangeError('my own');
  });
  const last = db.write(() => insert.run(5));
  const outcomes = await Promise.allSettled([...writes, halfway, last]);
  expect(outcomes.map(({ status }) => status)).toEqual([
    'fulfilled',
    'fulfilled',
    'fulfilled',
    'rejected',
    'fulfilled',
    'rejected',
    'fulfilled',
  ]);
  await expect(writes[3]).rejects.toMatchObject({ code: 'STORAGE_ERROR' });
  await expect(halfway).rejects.toThrow('my own');
  expect(seen()).toEqual([1, 2, 3, 4, 5]);
});

test("a write waits for another process's lock without blocking the event loop", async () => {
  const { db, other, insert, seen } = await open();
  other.exec('BEGIN IMMEDIATE');
  const write = db.write(() => insert.run(1));
  let turns = 0;
  for (const end = performance.now() + 300; performance.now() < end; turns++) await sleep(1);
  expect(turns).toBeGreaterThan(5);
  other.exec('COMMIT');
  await write;
  expect(seen()).toEqual([1]);
});

test('a write that never gets the lock fails in bounded time, and the next one goes on', async () => {
  const { db, other, insert, seen } = await open();
  other.exec('BEGIN IMMEDIATE');
  await expect(db.write(() => insert.run(1))).rejects.toThrow(/locked by another process for 10 s/);
  other.exec('COMMIT');
  await db.write(() => insert.run(2));
  expect(seen()).toEqual([2]);
});

test('many writes do not hold the event loop in one long transaction', async () => {
  const { db, insert, seen } = await open();
  const writes = Array.from({ length: 5000 }, (_, n) => db.write(() => insert.run(n)));
  await writes[0];
  expect(seen().length).toBeLessThan(5000);
  await Promise.all(writes);
  expect(seen()).toHaveLength(5000);
});
