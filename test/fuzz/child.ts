import { mutate } from './mutate.ts';
import { plantedBugs } from './planted.ts';
import { Random } from './random.ts';
import { type LoadedSeed, loadSeeds } from './seeds/build.ts';
import { type Outcome, watch } from './watch.ts';

/** Cases `from` to `to` − 1 of a run; with `planted` a reader that has that bug runs instead of ours. */
export type Batch = {
  readonly seed: string;
  readonly from: number;
  readonly to: number;
  readonly pattern: string;
  readonly planted: string | null;
};

/** What a child tells: which case it begins, and what the case came to. */
export type Told =
  | { readonly kind: 'begin'; readonly case: number }
  | { readonly kind: 'end'; readonly case: number; readonly seed: string; readonly outcome: Outcome }
  | { readonly kind: 'done' };

let seeds: { pattern: string; loaded: LoadedSeed[] } | null = null;

/** One case: which seed, and what is done to it. Depends on the run's seed and the case's number only. */
export function caseOf(seed: string, number: number, loaded: readonly LoadedSeed[]) {
  const random = new Random(`${seed}/${number}`);
  const from = random.pick(loaded);
  return { from, ...mutate(from, random) };
}

/** Milliseconds from which on a case counts as slow: the largest files that are read whole take about half. */
const SLOW_MS = 1000;

/** A case that was slow twice is a finding; once may have been the machine. */
function calm(outcome: Outcome, again: () => Outcome): Outcome {
  if (outcome.milliseconds < SLOW_MS || outcome.finding !== null) return outcome;
  const second = again();
  const milliseconds = Math.min(outcome.milliseconds, second.milliseconds);
  if (milliseconds < SLOW_MS) return { ...outcome, milliseconds };
  return { ...outcome, milliseconds, finding: `slow: ${Math.round(milliseconds)} ms` };
}

async function work(batch: Batch, tell: (told: Told) => Promise<void>): Promise<void> {
  if (seeds?.pattern !== batch.pattern) {
    seeds = { pattern: batch.pattern, loaded: await loadSeeds(batch.pattern) };
  }
  const run = batch.planted === null ? undefined : plantedBugs.get(batch.planted);
  for (let number = batch.from; number < batch.to; number++) {
    await tell({ kind: 'begin', case: number });
    const { from, image } = caseOf(batch.seed, number, seeds.loaded);
    const outcome = calm(watch(image, run), () => watch(image, run));
    await tell({ kind: 'end', case: number, seed: from.name, outcome });
  }
  await tell({ kind: 'done' });
}

const send = process.send?.bind(process);
if (send !== undefined) {
  // Told before the case begins: the message must be on its way when the case never ends.
  const tell = (told: Told) =>
    new Promise<void>((resolve) => send(told, undefined, undefined, () => resolve()));
  process.on('message', (batch: Batch) => {
    work(batch, tell).catch((error) => {
      console.error(error);
      process.exit(1);
    });
  });
}
