import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Command } from '../../../core/job/commands.ts';
import { type JobErrorCode, jobErrorCodes } from '../../../core/job/error.ts';
import { isTerminal, type JobRecord } from '../../../core/job/record.ts';
import { decide } from '../../../core/job/transitions.ts';
import { sampleRecord } from '../support/samples.ts';
import { checkDecision, checkRecord, type Decide } from './rules.ts';

const LEASE_MS = 30_000;
const MAX_CRASHES = 3;
const START = 1_000_000;

/** Texts as they may come from an image or an operation: long, all escapes, half a surrogate pair. */
const hostileText = fc.oneof(
  fc.string(),
  fc.constantFrom('\u0001'.repeat(3000), '\ud800'.repeat(900), '💾'.repeat(2000), '"\\'.repeat(2000)),
);

/** One thing that somebody tries, at some moment, with some lease id: the right one or another. */
const step = fc.record({
  type: fc.oneof(
    // What keeps a job moving comes more often, so that sequences get far.
    { weight: 4, arbitrary: fc.constantFrom('claim', 'start', 'heartbeat', 'hand_back', 'fail') },
    {
      weight: 3,
      arbitrary: fc.constantFrom('release', 'sent', 'wait', 'complete', 'stop', 'cancel', 'retry'),
    },
    { weight: 2, arbitrary: fc.constantFrom('expire_lease', 'expire_deadline') },
  ),
  passedMs: fc.oneof(
    fc.nat(2000),
    fc.constantFrom(0, LEASE_MS - 1, LEASE_MS, LEASE_MS + 4999, LEASE_MS + 5000, 3_600_000),
  ),
  worker: fc.constantFrom('worker-a', 'worker-b', 'worker-c'),
  /** Steps back in the list of leases that ever were; beyond its end a lease nobody had. */
  leaseBack: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(5) }),
  recoverable: fc.boolean(),
  retryInMs: fc.constantFrom(0, 2000, 900_000, 3_000_000),
  code: fc.constantFrom(...jobErrorCodes),
  text: hostileText,
  percent: fc.oneof(fc.double(), fc.integer({ min: 0, max: 100 })),
  detail: hostileText,
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const job = fc.record({
  held: fc.boolean(),
  cancellable: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
  idempotent: fc.boolean(),
  attempt: fc.integer({ min: 1, max: 2 }),
  attemptsMore: fc.nat(3),
  deadlineInMs: fc.option(fc.constantFrom(1, 40_000, 500_000, 20_000_000), { nil: null }),
});
type Job = typeof job extends fc.Arbitrary<infer T> ? T : never;

function recordOf({ held, cancellable, idempotent, attempt, attemptsMore, deadlineInMs }: Job): JobRecord {
  const deadline = deadlineInMs === null ? undefined : new Date(START + deadlineInMs).toISOString();
  const execution = {
    cancellable,
    idempotent,
    attempt,
    max_attempts: attempt + attemptsMore,
    ...(deadline !== undefined && { deadline }),
  };
  return sampleRecord({ execution }, { now: START, held });
}

function commandOf(tried: Step, now: number, leases: readonly string[]): Command {
  const lease_id = leases[leases.length - 1 - tried.leaseBack] ?? 'nobody';
  const { type, text, percent, worker, recoverable } = tried;
  switch (type) {
    case 'wait':
      return { type, now, waiting_for: 'a live worker' };
    case 'claim':
      return {
        type,
        now,
        worker_id: worker,
        lease_id: `lease-${leases.length}`,
        lease_ends_at: now + LEASE_MS,
      };
    case 'heartbeat':
      return {
        type,
        now,
        lease_id,
        // A slow clock may ask for an earlier end than the lease has.
        lease_ends_at: now + (recoverable ? LEASE_MS : -LEASE_MS),
        progress: tried.retryInMs === 0 ? null : { percent, phase: text, message: text },
      };
    case 'complete': {
      const result = { key: `results/${lease_id}`, size_bytes: 1, sha256: '', content_type: '' };
      return { type, now, lease_id, result };
    }
    case 'fail':
      return {
        type,
        now,
        lease_id,
        retry_at: now + tried.retryInMs,
        error: errorOf(tried.code, text, recoverable, tried.detail),
      };
    case 'hand_back':
      return { type, now, lease_id, reason: text };
    case 'start':
    case 'stop':
      return { type, now, lease_id };
    case 'expire_lease':
      return { type, now, max_crashes: MAX_CRASHES };
    case 'release':
    case 'sent':
    case 'cancel':
    case 'retry':
    case 'expire_deadline':
      return { type, now };
  }
}

function errorOf(code: JobErrorCode, message: string, recoverable: boolean, detail: string) {
  return { code, message, phase: 'reading', recoverable, details: { detail } } as const;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}

/** Drives one job through the steps and checks every decision; gives the records it went through. */
function drive(decideIt: Decide, first: JobRecord, steps: readonly Step[]): readonly JobRecord[] {
  let record = deepFreeze(first);
  checkRecord(record, START);
  let now = START;
  const leases: string[] = [];
  const records = [record];
  for (const tried of steps) {
    now += tried.passedMs;
    const command = deepFreeze(commandOf(tried, now, leases));
    const decision = decideIt(record, command);
    checkDecision(record, command, decision);
    if (!decision.ok) continue;
    if (command.type === 'claim') leases.push(command.lease_id);
    record = deepFreeze(decision.record);
    records.push(record);
  }
  return records;
}

const lives = fc.tuple(job, fc.array(step, { minLength: 1, maxLength: 60 }));

function holds(decideIt: Decide) {
  return fc.property(lives, ([made, steps]) => {
    drive(decideIt, recordOf(made), steps);
  });
}

describe('any sequence of commands', () => {
  test('makes only the moves of the table, and every record keeps its invariants', () => {
    fc.assert(holds(decide), { numRuns: 3000 });
  });

  test('reaches every state, so that the rules above were put to the test', () => {
    const seen = new Set<string>();
    for (const [made, steps] of fc.sample(lives, { numRuns: 2000, seed: 7 })) {
      for (const { status, held, cancel_requested } of drive(decide, recordOf(made), steps)) {
        seen.add(held ? 'Held' : status);
        if (cancel_requested && !isTerminal(status)) seen.add(`${status}, cancel requested`);
      }
    }
    expect([...seen].sort()).toEqual([
      'Assigned',
      'Assigned, cancel requested',
      'Cancelled',
      'Completed',
      'Failed',
      'Held',
      'Pending',
      'Running',
      'Running, cancel requested',
    ]);
  });

  test('keeps at most 50 history entries: the first and the newest', () => {
    const passing = { passedMs: 1, worker: 'worker-a', leaseBack: 0, recoverable: true, retryInMs: 0 };
    const rest = {
      ...passing,
      code: 'TIMEOUT',
      text: '\u0001'.repeat(3000),
      percent: 1,
      detail: '',
    } as const;
    const steps = Array.from({ length: 200 }, (_, n): Step => {
      return { ...rest, type: n % 2 === 0 ? 'claim' : 'hand_back' } as Step;
    });
    const last = drive(decide, sampleRecord({}, { now: START }), steps).at(-1);
    expect(last?.claims).toBe(100);
    expect(last?.history).toHaveLength(50);
    expect(last?.history[0]?.reason).toBe('submitted');
    expect(last?.history.at(-1)?.at).toBe(START + 200);
    expect(last?.history[1]?.at).toBe(START + 152);
  });
});

/** Ways to break the state machine; the checker is worth something only if it sees each of them. */
const bugs: Readonly<Record<string, Decide>> = {
  'ignores whose lease it is': (record, command) =>
    'lease_id' in command && command.type !== 'claim' && record.lease !== null
      ? decide(record, { ...command, lease_id: record.lease.id })
      : decide(record, command),
  'lets a finished job be claimed again': (record, command) =>
    decide(
      command.type === 'claim' && isTerminal(record.status) ? { ...record, status: 'Pending' } : record,
      command,
    ),
  'retries what was cancelled': (record, command) =>
    decide(
      command.type === 'retry' && record.status === 'Cancelled' ? { ...record, status: 'Failed' } : record,
      command,
    ),
  'takes a lease over without the grace': (record, command) =>
    decide(record, command.type === 'expire_lease' ? { ...command, now: command.now + 5000 } : command),
  'claims before the back-off is over': (record, command) =>
    decide(command.type === 'claim' ? { ...record, not_before: null } : record, command),
  'claims past the deadline': (record, command) =>
    decide(command.type === 'claim' ? { ...record, deadline: null } : record, command),
  'forgets a cancel when handed back': (record, command) =>
    decide(command.type === 'hand_back' ? { ...record, cancel_requested: false } : record, command),
  'cancels what is not cancellable': (record, command) => decide({ ...record, cancellable: true }, command),
  'repeats what is unsafe to repeat': (record, command) => decide({ ...record, repeatable: true }, command),
  'counts a crash as a failure': (record, command) =>
    amend(decide(record, command), (next) =>
      command.type === 'expire_lease' ? { ...next, failures: next.failures + 1 } : next,
    ),
  'keeps the version': (record, command) =>
    amend(decide(record, command), (next) => ({ ...next, version: record.version })),
  'keeps the lease of what went back': (record, command) =>
    amend(decide(record, command), (next) => ({ ...next, lease: next.lease ?? record.lease })),
  'shortens a lease': (record, command) =>
    amend(decide(record, command), (next) =>
      command.type === 'heartbeat' && next.lease !== null
        ? { ...next, lease: { ...next.lease, ends_at: command.lease_ends_at } }
        : next,
    ),
  'leaves a finished job due': (record, command) =>
    amend(decide(record, command), (next) => ({ ...next, due_at: next.due_at ?? command.now })),
  'loses the first history entry': (record, command) =>
    amend(decide(record, command), (next) => ({ ...next, history: next.history.slice(-3) })),
  'takes progress as it comes': (record, command) =>
    amend(decide(record, command), (next) =>
      command.type === 'heartbeat' ? { ...next, progress: command.progress ?? next.progress } : next,
    ),
  'changes the record it was given': (record, command) => {
    Object.assign(record, { version: record.version });
    return decide(record, command);
  },
};

function amend(decision: ReturnType<Decide>, by: (next: JobRecord) => JobRecord): ReturnType<Decide> {
  return decision.ok ? { ok: true, record: by(decision.record) } : decision;
}

describe('the checker notices a state machine that', () => {
  test.each(Object.entries(bugs))('%s', (_name, broken) => {
    const { failed } = fc.check(holds(broken), { numRuns: 3000, seed: 11, endOnFailure: true });
    expect(failed).toBe(true);
  });
});
