import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readImages } from '../../../worker/reader/run.ts';
import { jobOf, readersOf } from './support.ts';

const sample = fileURLToPath(new URL('../../../disk/reader/sample.qcow2', import.meta.url));

test('the real child reads the sample guest, and the same when it was warmed up with it', async () => {
  const readers = await readersOf({ roots: [sample] });
  const fresh = await readImages(readers, jobOf(sample));
  expect(fresh.inspection.operating_system).toMatchObject({ type: 'linux' });
  expect(fresh.statistics.bytesRead).toBeLessThan(4 * 1024 ** 2);
  expect(fresh.statistics.peakMemory).toBeLessThan(100 * 1024 ** 2);
  await setTimeout(1000);
  const warm = await readImages(readers, jobOf(sample));
  const { statistics: _, ...facts } = fresh.inspection;
  expect(warm.inspection).toMatchObject(facts);
  expect(warm.statistics.reads).toBe(fresh.statistics.reads);
  expect(warm.statistics.bytesRead).toBe(fresh.statistics.bytesRead);
});
