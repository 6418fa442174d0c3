import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Batch, Told } from './child.ts';

export type Bounds = {
  /** Milliseconds of processor time one case may take; of the clock ten times that. */
  readonly milliseconds: number;
  /** Resident bytes a child may have, its seeds (90 MB) included. */
  readonly memory: number;
};

export const bounds: Bounds = { milliseconds: 5000, memory: 640 * 1024 ** 2 };

export type Finding = { readonly case: number; readonly seed: string | null; readonly what: string };

/** A run's figures. */
export type Summary = {
  cases: number;
  findings: Finding[];
  /** Cases by what they came to. */
  outcomes: Map<string, number>;
  seeds: Map<string, number>;
  /** The slowest cases, slowest first. */
  slowest: { case: number; seed: string; milliseconds: number }[];
  mostReads: number;
  mostBytesRead: number;
  mostMemory: number;
};

const BATCH = 200;
const SLOWEST = 20;
const LOOK_MS = 100;

/**
 * Runs the cases in `children` processes of their own. A case that takes too long, or a child that gets too
 * large or ends, is a finding; the run goes on behind it.
 */
export async function fuzz(
  {
    seed,
    images,
    pattern = '',
    planted = null,
  }: { seed: string; images: number; pattern?: string; planted?: string | null },
  children: number,
  limits: Bounds = bounds,
  found: (finding: Finding) => void = () => {},
): Promise<Summary> {
  const summary: Summary = {
    cases: 0,
    findings: [],
    outcomes: new Map(),
    seeds: new Map(),
    slowest: [],
    mostReads: 0,
    mostBytesRead: 0,
    mostMemory: 0,
  };
  const pending: Batch[] = [];
  for (let from = 0; from < images; from += BATCH) {
    pending.push({ seed, pattern, planted, from, to: Math.min(from + BATCH, images) });
  }
  pending.reverse();
  const note = (finding: Finding) => {
    summary.findings.push(finding);
    found(finding);
  };
  await Promise.all(
    Array.from({ length: children }, async () => {
      let child: ChildProcess | null = null;
      for (let batch = pending.pop(); batch !== undefined; batch = pending.pop()) {
        child ??= fork(join(import.meta.dirname, 'child.ts'), [], {
          execArgv: ['--max-old-space-size=160'],
          stdio: ['ignore', 'inherit', 'ignore', 'ipc'],
        });
        const rest = await work(child, batch, limits, summary, note);
        if (rest === null) continue;
        child = null;
        if (rest.from < rest.to) pending.push(rest);
      }
      child?.kill('SIGKILL');
    }),
  );
  return summary;
}

/** Gives a child a batch and waits for its end: null, or, where the child had to go, what is left of the batch. */
function work(
  child: ChildProcess,
  batch: Batch,
  limits: Bounds,
  summary: Summary,
  note: (finding: Finding) => void,
): Promise<Batch | null> {
  return new Promise((resolve) => {
    let current = batch.from;
    let began: { cpu: number; clock: number } | null = null;
    const end = (left: Batch | null) => {
      clearInterval(looking);
      child.off('message', hear);
      child.off('exit', gone);
      resolve(left);
    };
    const kill = (what: string) => {
      note({ case: current, seed: null, what });
      summary.cases++;
      count(summary.outcomes, 'killed');
      child.kill('SIGKILL');
      end({ ...batch, from: current + 1 });
    };
    const looking = setInterval(() => {
      const memory = resident(child);
      summary.mostMemory = Math.max(summary.mostMemory, memory);
      if (memory > limits.memory) kill(`memory: ${Math.round(memory / 1024 ** 2)} MiB resident`);
      else if (began !== null) {
        const cpu = processorTime(child) - began.cpu;
        const clock = performance.now() - began.clock;
        if (Math.max(cpu, clock / 10) > limits.milliseconds)
          kill(`hang: more than ${limits.milliseconds} ms`);
      }
    }, LOOK_MS);
    const hear = (told: Told) => {
      if (told.kind === 'done') end(null);
      else if (told.kind === 'begin') {
        current = told.case;
        began = { cpu: processorTime(child), clock: performance.now() };
      } else {
        began = null;
        const { case: number, seed, outcome } = told;
        summary.cases++;
        count(summary.outcomes, outcome.kind);
        count(summary.seeds, seed);
        summary.mostReads = Math.max(summary.mostReads, outcome.reads);
        summary.mostBytesRead = Math.max(summary.mostBytesRead, outcome.bytesRead);
        summary.slowest.push({ case: number, seed, milliseconds: outcome.milliseconds });
        summary.slowest.sort((a, b) => b.milliseconds - a.milliseconds).splice(SLOWEST);
        if (outcome.finding !== null) note({ case: number, seed, what: outcome.finding });
      }
    };
    const gone = (code: number | null, signal: string | null) =>
      kill(`crash: the process ended with ${signal ?? `exit code ${code}`}`);
    child.on('message', hear);
    child.on('exit', gone);
    child.send(batch);
  });
}

function count(of: Map<string, number>, key: string): void {
  of.set(key, (of.get(key) ?? 0) + 1);
}

/** Resident bytes of a child; 0 where it has gone. */
function resident(child: ChildProcess): number {
  return Number(procFile(child, 'statm').split(' ')[1] ?? 0) * 4096;
}

/** Milliseconds of processor time that a child has had (utime and stime of proc(5), in hundredths). */
function processorTime(child: ChildProcess): number {
  const fields = procFile(child, 'stat').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * 10;
}

function procFile(child: ChildProcess, name: string): string {
  try {
    return readFileSync(`/proc/${child.pid}/${name}`, 'latin1');
  } catch {
    return '';
  }
}
