/**
 * The mutation fuzz: `npm run fuzz -- [--images N] [--seed S] [--seeds PATTERN] [--children N]`, and
 * `npm run fuzz -- --replay FILE` for one case that it found. Ends with 1 when there was a finding.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { caseOf } from './child.ts';
import { MutatedImage } from './image.ts';
import { type Finding, fuzz, type Summary } from './run.ts';
import { failuresFolder, type LoadedSeed, loadSeeds } from './seeds/build.ts';
import { watch } from './watch.ts';

const failure = z.strictObject({
  what: z.string(),
  /** Made again by this: the run's seed, the number of the case and the pattern of its seeds. */
  run: z.strictObject({ seed: z.string(), case: z.number(), pattern: z.string() }),
  image: z.strictObject({ name: z.string(), sha256: z.string(), size: z.number() }),
  steps: z.array(z.string()),
  /** Pages of the image that differ from the seed's, by offset, as base64. */
  pages: z.record(z.string(), z.string()),
});

function save(finding: Finding, seed: string, pattern: string, seeds: readonly LoadedSeed[]): string {
  const { from, image, steps } = caseOf(seed, finding.case, seeds);
  const saved: z.infer<typeof failure> = {
    what: finding.what,
    run: { seed, case: finding.case, pattern },
    image: { name: from.name, sha256: digest(from.bytes), size: image.size },
    steps: [...steps],
    pages: image.changes(),
  };
  mkdirSync(failuresFolder, { recursive: true });
  const file = join(failuresFolder, `${seed}-${finding.case}.json`);
  writeFileSync(file, JSON.stringify(saved, null, 1));
  return relative(process.cwd(), file);
}

async function replay(file: string): Promise<void> {
  const saved = failure.parse(JSON.parse(readFileSync(file, 'utf8')));
  const [seed] = (await loadSeeds(saved.image.name)).filter(({ name }) => name === saved.image.name);
  if (seed === undefined || digest(seed.bytes) !== saved.image.sha256) {
    throw new Error(`the seed ${saved.image.name} is not here as it was`);
  }
  const image = new MutatedImage(seed.bytes);
  image.resize(saved.image.size);
  for (const [at, bytes] of Object.entries(saved.pages))
    image.write(Number(at), Buffer.from(bytes, 'base64'));
  console.log(`${saved.what}\n${saved.image.name}:\n  ${saved.steps.join('\n  ')}`);
  const outcome = watch(image);
  console.log(outcome);
  process.exitCode = outcome.finding === null ? 0 : 1;
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function print(
  { cases, outcomes, seeds, slowest, mostReads, mostBytesRead, mostMemory }: Summary,
  ms: number,
): void {
  const table = (of: ReadonlyMap<string, number>) =>
    [...of]
      .sort((a, b) => b[1] - a[1])
      .map(([key, n]) => `  ${String(n).padStart(8)}  ${key}`)
      .join('\n');
  console.log(`outcomes\n${table(outcomes)}`);
  console.log(`images by seed\n${table(seeds)}`);
  const slow = slowest.map(
    ({ case: n, seed, milliseconds }) => `  ${milliseconds.toFixed(0).padStart(6)} ms  case ${n} (${seed})`,
  );
  console.log(`slowest\n${slow.slice(0, 10).join('\n')}`);
  console.log(
    `most reads ${mostReads}, most bytes read ${mostBytesRead}, most memory of a child ${Math.round(mostMemory / 1024 ** 2)} MiB`,
  );
  console.log(`${cases} images in ${(ms / 1000).toFixed(1)} s`);
}

const { values } = parseArgs({
  options: {
    images: { type: 'string', default: '20000' },
    seed: { type: 'string', default: String(Date.now()) },
    seeds: { type: 'string', default: '' },
    children: { type: 'string', default: '2' },
    replay: { type: 'string' },
  },
});

if (values.replay !== undefined) await replay(values.replay);
else {
  const { seed, seeds: pattern } = values;
  const loaded = await loadSeeds(pattern);
  console.log(`seed ${seed}: ${values.images} images of ${loaded.length} seeds`);
  const since = performance.now();
  const summary = await fuzz(
    { seed, images: Number(values.images), pattern },
    Number(values.children),
    undefined,
    (finding) => {
      console.log(
        `FOUND ${finding.what}\n  npm run fuzz -- --replay ${save(finding, seed, pattern, loaded)}`,
      );
    },
  );
  print(summary, performance.now() - since);
  console.log(summary.findings.length === 0 ? 'nothing found' : `${summary.findings.length} found`);
  process.exitCode = summary.findings.length === 0 ? 0 : 1;
}
