import { expect } from 'vitest';
import type { Command, Decision } from '../../../core/job/commands.ts';
import { isTerminal, type JobRecord } from '../../../core/job/record.ts';

export type Decide = (record: JobRecord, command: Command) => Decision;

type State = 'Held' | JobRecord['status'];

/** The rules of a job's life, written out a second time: as data where they can be, and as guards. */
const active = ['Assigned', 'Running'] as const;
const moves: readonly (readonly [from: readonly State[], to: State, by: readonly Command['type'][]])[] = [
  [['Held'], 'Pending', ['release']],
  [['Pending'], 'Assigned', ['claim']],
  [['Pending'], 'Pending', ['sent', 'wait']],
  [['Assigned'], 'Running', ['start']],
  [['Assigned'], 'Assigned', ['heartbeat', 'cancel']],
  [['Running'], 'Running', ['heartbeat', 'cancel']],
  [active, 'Pending', ['hand_back', 'fail', 'expire_lease']],
  [active, 'Completed', ['complete']],
  [active, 'Failed', ['fail', 'expire_lease', 'expire_deadline']],
  [active, 'Cancelled', ['stop', 'hand_back', 'fail', 'expire_lease']],
  [['Held', 'Pending'], 'Failed', ['expire_deadline']],
  [['Held', 'Pending'], 'Cancelled', ['cancel']],
  [['Failed'], 'Pending', ['retry']],
];

const stateOf = (record: JobRecord): State => (record.held ? 'Held' : record.status);

/** Whether the command applies to the record at all. */
function applies(record: JobRecord, command: Command): boolean {
  const { lease, deadline, not_before, cancel_requested } = record;
  const ours = 'lease_id' in command && command.type !== 'claim' && lease?.id === command.lease_id;
  const pending = record.status === 'Pending' && !record.held;
  const open = !isTerminal(record.status);
  switch (command.type) {
    case 'release':
      return open && record.held;
    case 'sent':
    case 'wait':
      return pending;
    case 'claim':
      return pending && command.now >= (not_before ?? 0) && command.now < (deadline ?? Infinity);
    case 'start':
      return ours && record.status === 'Assigned' && !cancel_requested;
    case 'heartbeat':
    case 'complete':
    case 'fail':
    case 'hand_back':
      return ours;
    case 'stop':
      return ours && cancel_requested;
    case 'cancel':
      return open && record.cancellable && !cancel_requested;
    case 'expire_lease':
      return lease !== null && command.now >= lease.ends_at + 5000;
    case 'expire_deadline':
      return open && deadline !== null && command.now >= deadline;
    case 'retry':
      return record.status === 'Failed';
  }
}

/** Where an accepted command must lead, for those that may lead to more than one state. */
function destination(record: JobRecord, command: Command): State | null {
  const { cancel_requested, attempt, failures, max_attempts, crashes, repeatable } = record;
  switch (command.type) {
    case 'hand_back':
      return cancel_requested ? 'Cancelled' : 'Pending';
    case 'fail':
      if (cancel_requested) return 'Cancelled';
      return command.error.recoverable && attempt + failures < max_attempts ? 'Pending' : 'Failed';
    case 'expire_lease':
      if (cancel_requested) return 'Cancelled';
      return repeatable && crashes + 1 < command.max_crashes ? 'Pending' : 'Failed';
    default:
      return null;
  }
}

const fixed = [
  'job_id',
  'request_id',
  'fingerprint',
  'document',
  'document_key',
  'operation',
  'namespace',
  'labels',
  'priority',
  'requires',
  'attempt',
  'max_attempts',
  'timeout_seconds',
  'deadline',
  'cancellable',
  'repeatable',
  'submitted_at',
] as const;

/** Throws unless the decision is one that the rules allow. */
export function checkDecision(record: JobRecord, command: Command, decision: Decision): void {
  expect(decision.ok, `${command.type} accepted on ${stateOf(record)}`).toBe(applies(record, command));
  if (!decision.ok) return;
  const next = decision.record;
  const [from, to] = [stateOf(record), stateOf(next)];
  const legal = moves.some(([f, t, by]) => f.includes(from) && t === to && by.includes(command.type));
  expect(legal, `${from} to ${to} by ${command.type}`).toBe(true);
  const wanted = destination(record, command);
  if (wanted !== null) expect(to).toBe(wanted);
  expect(next.version).toBe(record.version + 1);
  for (const field of fixed) expect(next[field], field).toEqual(record[field]);
  checkCounters(record, command, next);
  checkRecord(next, command.now);
  checkHistory(record, next);
  checkEffects(record, command, next);
}

function checkCounters(record: JobRecord, command: Command, next: JobRecord): void {
  const { type } = command;
  const retried = type === 'retry';
  // A failure that ends Cancelled was stopped, not tried to its end.
  const failed = type === 'fail' && next.status !== 'Cancelled';
  const crashed = type === 'expire_lease' && next.status !== 'Cancelled';
  expect(next.claims).toBe(record.claims + (type === 'claim' ? 1 : 0));
  expect(next.failures).toBe(retried ? 0 : record.failures + (failed ? 1 : 0));
  expect(next.crashes).toBe(retried ? 0 : record.crashes + (crashed ? 1 : 0));
  expect(next.attempt + next.failures).toBeLessThanOrEqual(next.max_attempts + 1);
}

/** What holds of every record, however it came to be; `now` is the time of its last change. */
export function checkRecord(record: JobRecord, now: number): void {
  const { status, lease, due_at, deadline, progress } = record;
  const over = isTerminal(status);
  expect(lease !== null, 'a lease is there exactly while a worker has the job').toBe(
    status === 'Assigned' || status === 'Running',
  );
  if (lease !== null) {
    expect(record.worker_id).toBe(lease.worker_id);
    expect(due_at ?? Infinity).toBeLessThanOrEqual(lease.ends_at + 5000);
  }
  expect(due_at === null, 'never due: over, or held without a deadline').toBe(
    over || (record.held && deadline === null),
  );
  if (!over && deadline !== null) expect(due_at ?? Infinity).toBeLessThanOrEqual(deadline);
  if (status === 'Pending' && !record.held) {
    // Looked at again: half a minute for one that waits for a worker, an hour at most after what it must wait for.
    expect(due_at ?? Infinity).toBeLessThanOrEqual(Math.max(now, record.not_before ?? 0) + 3_600_000);
    if (record.waiting_for !== null) expect(due_at ?? Infinity).toBeLessThanOrEqual(now + 30_000);
  }
  expect(record.completed_at !== null).toBe(over);
  if (record.held) expect(status).toBe('Pending');
  if (status === 'Failed') expect(record.error).not.toBeNull();
  if (status === 'Completed') expect(record.error).toBeNull();
  if (record.waiting_for !== null) expect(status).toBe('Pending');
  expect(record.result !== null, 'decide names a result exactly for what completed').toBe(
    status === 'Completed',
  );
  if (status === 'Running') expect(record.started_at).not.toBeNull();
  if (progress !== null) {
    expect(progress.percent).toBeGreaterThanOrEqual(0);
    expect(progress.percent).toBeLessThanOrEqual(100);
    expect(bytes(progress)).toBeLessThan(1024);
  }
}

function checkHistory(record: JobRecord, next: JobRecord): void {
  expect(next.history.length).toBeLessThanOrEqual(50);
  expect(next.history[0]).toEqual(record.history[0]);
  if (next.status !== record.status) expect(next.history.at(-1)).toMatchObject({ status: next.status });
  for (const entry of next.history) expect(bytes(entry)).toBeLessThanOrEqual(2048);
  expect(bytes(next.error)).toBeLessThan(6144);
}

function checkEffects(record: JobRecord, command: Command, next: JobRecord): void {
  switch (command.type) {
    case 'claim':
      expect(next.lease).toEqual({
        id: command.lease_id,
        worker_id: command.worker_id,
        ends_at: command.lease_ends_at,
      });
      expect(next.progress, "no earlier claim's progress is shown").toBeNull();
      break;
    case 'heartbeat':
      expect(next.lease?.ends_at).toBeGreaterThanOrEqual(record.lease?.ends_at ?? 0);
      expect(next.lease?.ends_at).toBeGreaterThanOrEqual(command.lease_ends_at);
      break;
    case 'complete':
      expect(next.result).toEqual(command.result);
      break;
    case 'fail':
      if (next.status === 'Pending') expect(next.not_before).toBe(command.retry_at);
      break;
    case 'retry':
      expect(next).toMatchObject({ error: null, result: null, not_before: null, cancel_requested: false });
      expect(next.history.some(({ error }) => error?.code === record.error?.code)).toBe(true);
      return;
    case 'expire_deadline':
      expect(next.error?.code).toBe(
        record.waiting_for === null ? 'DEADLINE_EXCEEDED' : 'CAPABILITY_MISMATCH',
      );
      break;
    case 'expire_lease':
      if (next.status === 'Failed') expect(next.error?.code).toBe('WORKER_CRASHED');
      break;
    default:
  }
  if (record.cancel_requested) expect(next.cancel_requested, 'a cancel is not forgotten').toBe(true);
}

function bytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
