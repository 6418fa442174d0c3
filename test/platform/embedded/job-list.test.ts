import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Database } from '../../../platform/embedded/database.ts';
import { type Walk, walkSql } from '../../../platform/embedded/job-list.ts';
import { openEmbeddedPlatform } from '../../../platform/embedded/platform.ts';
import { scratch } from '../../support/scratch.ts';
import { newRecord } from '../conformance/subject.ts';

test('no list scans the table or sorts', async () => {
  const db = await Database.open(join(await scratch(), 'disklane.db'));
  const walks: Walk[] = ['label', 'status', 'operation', 'namespace', 'recent'];
  for (const walk of walks) {
    const steps = db.prepare(`EXPLAIN QUERY PLAN ${walkSql(walk)}`).all();
    expect(steps.length).toBeGreaterThan(0);
    for (const { detail } of steps) expect([walk, detail]).toEqual([walk, expect.stringMatching(/^SEARCH /)]);
  }
  await db.close();
});

test('a page looks at a bounded number of jobs and goes on at its token', async () => {
  const platform = await openEmbeddedPlatform({
    dataDir: join(await scratch(), 'data'),
    publicUrl: 'http://x',
  });
  const record = newRecord({ submitted_at: 1 });
  const rare = { ...record, job_id: 'job-rare', operation: 'test.rare' };
  await platform.jobs.insert(rare);
  const common = Array.from({ length: 2500 }, (_, n) => ({ ...record, submitted_at: 2, job_id: `job-${n}` }));
  await Promise.all(common.map((job) => platform.jobs.insert(job)));
  const filter = { namespace: 'default', operation: 'test.rare' };
  const sizes: number[] = [];
  let token: string | null = null;
  do {
    const page = await platform.jobs.list(filter, 10, token);
    sizes.push(page.items.length);
    token = page.next;
  } while (token !== null);
  expect(sizes).toEqual([0, 0, 1]);
  await platform.close();
});

test('a page that ends early keeps no snapshot: the next write is not held up by what others wrote since', async () => {
  const options = { dataDir: join(await scratch(), 'data'), publicUrl: 'http://x' };
  const [platform, other] = [await openEmbeddedPlatform(options), await openEmbeddedPlatform(options)];
  for (let n = 0; n < 5; n++) await platform.jobs.insert(newRecord());
  expect((await platform.jobs.list({}, 2, null)).items).toHaveLength(2);
  const theirs = newRecord();
  await other.jobs.insert(theirs);
  expect(await platform.jobs.get(theirs.job_id)).toEqual(theirs);
  expect(await platform.jobs.insert(newRecord())).toEqual({ inserted: true });
  await platform.close();
  await other.close();
});
