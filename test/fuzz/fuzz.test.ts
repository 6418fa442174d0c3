import { beforeAll, expect, test } from 'vitest';
import { inspect } from '../../disk/inspect.ts';
import { request } from '../support/inspect-request.ts';
import { caseOf } from './child.ts';
import { MutatedImage } from './image.ts';
import { type Bounds, fuzz } from './run.ts';
import { type LoadedSeed, loadSeeds } from './seeds/build.ts';
import { WatchedSource, watch } from './watch.ts';

/** Made by this test's first run, and kept. */
let seeds: LoadedSeed[] = [];

beforeAll(async () => {
  seeds = await loadSeeds();
});

test('the seeds themselves are read whole', () => {
  expect(seeds.length).toBeGreaterThan(20);
  for (const { name, bytes, places } of seeds) {
    expect(places.length, name).toBeGreaterThan(10);
    const image = new MutatedImage(bytes);
    expect(watch(image), name).toMatchObject({ kind: 'result with a system', finding: null });
    const found = inspect(request, [new WatchedSource(image)], () => {});
    expect(found.packages?.count, name).toBe(35);
    expect(found.users?.users, name).toHaveLength(3);
    expect(found.services?.count, name).toBe(name.includes('htree') ? 706 : 6);
    expect(found.network?.interfaces, name).toHaveLength(6);
    // What only the journal holds, where there is one to replay.
    expect(found.network?.hosts[0]?.address, name).toBe(name.includes('dirty') ? '192.0.2.77' : '127.0.0.1');
  }
});

test('500 mutated images end in a result or a DiskError, within their bounds', {
  timeout: 120_000,
}, async () => {
  const { cases, findings, outcomes } = await fuzz({ seed: 'smoke', images: 500 }, 2);
  expect(findings).toEqual([]);
  expect(cases).toBe(500);
  // The mutations go deep enough to be refused, and leave enough to be read.
  expect(outcomes.get('result with a system')).toBeGreaterThan(100);
  expect([...outcomes.keys()].filter((kind) => kind.startsWith('damage')).length).toBeGreaterThan(1);
});

test('a case depends on the seed of the run and its number only', () => {
  const digest = (seed: string, number: number) => {
    const { from, image, steps } = caseOf(seed, number, seeds);
    return { name: from.name, steps, size: image.size, changes: image.changes() };
  };
  expect(digest('a', 7)).toEqual(digest('a', 7));
  expect(digest('a', 7)).not.toEqual(digest('b', 7));
  expect(digest('a', 7)).not.toEqual(digest('a', 8));
});

const tight: Bounds = { milliseconds: 500, memory: 400 * 1024 ** 2 };

test.each([
  ['exception', 'RangeError'],
  ['outside', 'read of 2 bytes at'],
  ['endless', 'hang'],
  ['memory', 'memory'],
  ['failing', 'io: '],
])('a reader with a planted bug is found: %s', async (planted, what) => {
  const { findings, cases } = await fuzz(
    { seed: 'planted', images: 2, pattern: 'ext2-1k', planted },
    1,
    tight,
  );
  expect(cases).toBe(2);
  expect(findings).toHaveLength(2);
  for (const finding of findings) expect(finding.what).toContain(what);
});
