import type { Command, Decision, Refusal } from './commands.ts';
import { dueAt, LEASE_GRACE_MS } from './due.ts';
import { bounded, type JobError } from './error.ts';
import { boundedProgress } from './progress.ts';
import { attemptOf, type HistoryEntry, isTerminal, type JobRecord, type JobStatus } from './record.ts';
import { cut } from './text.ts';

/** A history entry stays under 2 KiB of JSON: its two texts are what can grow. */
const HISTORY_ENTRIES = 50;
const REASON_BYTES = 256;
const ERROR_BYTES = 1024;

/**
 * Decides one command: the next record, or a typed refusal. Pure: the state machine of a job is this
 * function. The caller stores the record by compare-and-swap on the version it decided from.
 *
 * A record that ends Failed here carries its error and no result yet; whoever stores it first puts the
 * failure's result document and names it with {@link withResult}.
 */
export function decide(record: JobRecord, command: Command): Decision {
  switch (command.type) {
    case 'release':
      if (isTerminal(record.status)) return refuse('terminal');
      if (!record.held) return refuse('not_held');
      return change(record, command, { held: false }, { reason: 'released' });
    case 'sent':
      return whilePending(record, () =>
        change(record, command, { sends: record.sends + 1, waiting_for: null }, null),
      );
    case 'wait':
      return whilePending(record, () => change(record, command, { waiting_for: command.waiting_for }, null));
    case 'claim':
      return claim(record, command);
    case 'start':
      return underLease(record, command.lease_id, () => {
        if (record.status !== 'Assigned') return refuse('not_claimed');
        if (record.cancel_requested) return refuse('cancel_requested');
        return change(record, command, { status: 'Running', started_at: command.now }, { reason: 'started' });
      });
    case 'heartbeat':
      return underLease(record, command.lease_id, (lease) =>
        change(
          record,
          command,
          {
            lease: { ...lease, ends_at: Math.max(lease.ends_at, command.lease_ends_at) },
            progress: command.progress === null ? record.progress : boundedProgress(command.progress),
          },
          null,
        ),
      );
    case 'complete':
      return underLease(record, command.lease_id, () =>
        finish(record, command, 'Completed', { result: command.result, error: null }, 'completed'),
      );
    case 'fail':
      return underLease(record, command.lease_id, () => fail(record, command));
    case 'hand_back':
      return underLease(record, command.lease_id, () =>
        record.cancel_requested
          ? cancelled(record, command)
          : requeue(record, command, {}, { reason: command.reason }),
      );
    case 'stop':
      return underLease(record, command.lease_id, () =>
        record.cancel_requested ? cancelled(record, command) : refuse('cancel_not_requested'),
      );
    case 'cancel':
      if (isTerminal(record.status)) return refuse('terminal');
      if (!record.cancellable) return refuse('not_cancellable');
      if (record.lease === null) return cancelled(record, command);
      if (record.cancel_requested) return refuse('cancel_requested');
      return change(record, command, { cancel_requested: true }, { reason: 'cancel requested' });
    case 'expire_lease':
      return expireLease(record, command);
    case 'expire_deadline':
      if (isTerminal(record.status)) return refuse('terminal');
      if (record.deadline === null || command.now < record.deadline) return refuse('deadline_ahead');
      return failed(record, command, deadlineError(record, record.deadline));
    case 'retry':
      if (record.status !== 'Failed')
        return refuse(isTerminal(record.status) ? 'not_failed' : 'not_terminal');
      return requeue(
        record,
        command,
        {
          failures: 0,
          crashes: 0,
          error: null,
          result: null,
          completed_at: null,
          not_before: null,
          // A deadline may have ended it while a cancel was under way; the new life is not to be cancelled.
          cancel_requested: false,
        },
        { reason: 'retried' },
      );
  }
}

/** The record with the result its status asks for; part of the same change, so the version stays. */
export function withResult(record: JobRecord, result: JobRecord['result']): JobRecord {
  return { ...record, result };
}

type Changes = Partial<Omit<JobRecord, 'job_id' | 'version' | 'due_at' | 'history'>>;
type Step = { readonly reason: string; readonly error?: JobError };

/** The next version of the record; `step` is kept in its history, null where nothing worth keeping happened. */
function change(record: JobRecord, { now }: Command, changes: Changes, step: Step | null): Decision {
  const next = { ...record, ...changes, version: record.version + 1 };
  const history = step === null ? record.history : remember(record.history, entry(next, now, step));
  return { ok: true, record: { ...next, history, due_at: dueAt(next, now) } };
}

function entry(next: JobRecord, at: number, { reason, error }: Step): HistoryEntry {
  return {
    status: next.status,
    at,
    reason: cut(reason, REASON_BYTES),
    ...(next.lease !== null && { worker_id: next.lease.worker_id }),
    ...(error !== undefined && {
      error: { ...error, message: cut(error.message, ERROR_BYTES), details: {} },
    }),
  };
}

/** The first entry says how the job came to be; the newest say what it is doing. The middle is dropped. */
function remember(history: readonly HistoryEntry[], added: HistoryEntry): readonly HistoryEntry[] {
  if (history.length < HISTORY_ENTRIES) return [...history, added];
  return [...history.slice(0, 1), ...history.slice(2 - HISTORY_ENTRIES), added];
}

function refuse(refusal: Refusal): Decision {
  return { ok: false, refusal };
}

function whilePending(record: JobRecord, then: () => Decision): Decision {
  if (isTerminal(record.status)) return refuse('terminal');
  if (record.status !== 'Pending') return refuse('not_pending');
  return record.held ? refuse('held') : then();
}

function underLease(
  record: JobRecord,
  leaseId: string,
  then: (lease: NonNullable<JobRecord['lease']>) => Decision,
): Decision {
  if (isTerminal(record.status)) return refuse('terminal');
  return record.lease?.id === leaseId ? then(record.lease) : refuse('lease_lost');
}

function claim(record: JobRecord, command: Command & { type: 'claim' }): Decision {
  const { now, worker_id, lease_id, lease_ends_at } = command;
  return whilePending(record, () => {
    if (record.not_before !== null && now < record.not_before) return refuse('not_before');
    if (record.deadline !== null && now >= record.deadline) return refuse('deadline_passed');
    return change(
      record,
      command,
      {
        status: 'Assigned',
        lease: { id: lease_id, worker_id, ends_at: lease_ends_at },
        claims: record.claims + 1,
        worker_id,
        waiting_for: null,
        progress: null,
      },
      { reason: 'claimed' },
    );
  });
}

/** Back to the queue: the lease is gone, and one message follows the swap at once. */
function requeue(record: JobRecord, command: Command, changes: Changes, step: Step): Decision {
  return change(
    record,
    command,
    {
      status: 'Pending',
      lease: null,
      sends: 0,
      waiting_for: null,
      progress: null,
      started_at: null,
      ...changes,
    },
    step,
  );
}

function finish(
  record: JobRecord,
  command: Command,
  status: JobStatus & ('Completed' | 'Failed' | 'Cancelled'),
  changes: Changes,
  reason: string,
  error?: JobError,
): Decision {
  return change(
    record,
    command,
    {
      status,
      lease: null,
      held: false,
      waiting_for: null,
      not_before: null,
      completed_at: command.now,
      ...changes,
    },
    error === undefined ? { reason } : { reason, error },
  );
}

function cancelled(record: JobRecord, command: Command): Decision {
  return finish(record, command, 'Cancelled', { cancel_requested: true }, 'cancelled');
}

function failed(record: JobRecord, command: Command, error: JobError, changes: Changes = {}): Decision {
  return finish(record, command, 'Failed', { ...changes, error: bounded(error) }, error.code, error);
}

function fail(record: JobRecord, command: Command & { type: 'fail' }): Decision {
  if (record.cancel_requested) return cancelled(record, command);
  const failures = record.failures + 1;
  const { error, retry_at } = command;
  const attemptsLeft = attemptOf(record) < record.max_attempts;
  if (!error.recoverable || !attemptsLeft) return failed(record, command, error, { failures });
  return requeue(
    record,
    command,
    { failures, not_before: retry_at, error: bounded(error) },
    { reason: error.code, error },
  );
}

function deadlineError(record: JobRecord, deadline: number): JobError {
  const passed = `the job's deadline, ${new Date(deadline).toISOString()}, has passed`;
  const scheduling = { phase: 'scheduling', recoverable: false, details: {} } as const;
  return record.waiting_for === null
    ? { code: 'DEADLINE_EXCEEDED', message: passed, ...scheduling }
    : {
        code: 'CAPABILITY_MISMATCH',
        message: `${passed}, and no live worker could run it: it waited for ${record.waiting_for}`,
        ...scheduling,
      };
}

function expireLease(record: JobRecord, command: Command & { type: 'expire_lease' }): Decision {
  if (isTerminal(record.status)) return refuse('terminal');
  if (record.lease === null) return refuse('not_claimed');
  if (command.now < record.lease.ends_at + LEASE_GRACE_MS) return refuse('lease_live');
  if (record.cancel_requested) return cancelled(record, command);
  const crashes = record.crashes + 1;
  const error: JobError = {
    code: 'WORKER_CRASHED',
    message: `worker ${record.lease.worker_id} vanished while it held the job`,
    phase: 'scheduling',
    recoverable: record.repeatable,
    details: { worker_id: record.lease.worker_id, crashes },
  };
  if (!record.repeatable || crashes >= command.max_crashes)
    return failed(record, command, error, { crashes });
  return requeue(record, command, { crashes }, { reason: error.code, error });
}
