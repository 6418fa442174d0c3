import type { Context } from '../context.ts';
import { LEASE_GRACE_MS, WAIT_MAX_MS } from '../job/due.ts';
import type { JobRecord } from '../job/record.ts';
import { decide } from '../job/transitions.ts';
import { announce, announceAgain } from './announce.ts';
import { withFailureResult } from './publish.ts';

const BATCH = 100;

/** Batches of one sweep: a backlog is worked off, and the sweep still ends. */
const BATCHES = 20;

/**
 * Looks after every job that is due: deadlines that passed, leases that ended, messages to be sent again.
 * Any number of sweepers may run; each change is a swap, so one of them makes it. Gives how many jobs it
 * looked at; one job's trouble is logged and does not keep it from the others.
 */
export async function sweep(context: Context): Promise<number> {
  let looked = 0;
  for (let batch = 0; batch < BATCHES; batch++) {
    const due = await context.jobs.due(context.jobs.now(), BATCH);
    await Promise.all(due.map((record) => attendSafely(context, record, attend)));
    looked += due.length;
    if (due.length < BATCH) break;
  }
  return looked;
}

/** Sends the jobs that wait for a worker and are not due yet: called when a worker has just come. */
export async function sendWaiting(context: Context): Promise<void> {
  const soon = await context.jobs.due(context.jobs.now() + WAIT_MAX_MS, BATCH * BATCHES);
  const waiting = soon.filter((record) => record.waiting_for !== null);
  await Promise.all(waiting.map((record) => attendSafely(context, record, announceAgain)));
}

async function attendSafely(
  context: Context,
  record: JobRecord,
  attend: (context: Context, record: JobRecord) => Promise<void>,
): Promise<void> {
  try {
    await attend(context, record);
  } catch (error) {
    context.log({ level: 'warn', message: 'could not look after a due job', job_id: record.job_id, error });
  }
}

async function attend(context: Context, record: JobRecord): Promise<void> {
  const now = context.jobs.now();
  if (record.deadline !== null && now >= record.deadline) return expireDeadline(context, record);
  if (record.lease === null) return announceAgain(context, record);
  if (now >= record.lease.ends_at + LEASE_GRACE_MS) return expireLease(context, record);
}

/** Fails a job whose deadline has passed, whatever it is doing. */
export async function expireDeadline(context: Context, record: JobRecord): Promise<void> {
  const decision = decide(record, { type: 'expire_deadline', now: context.jobs.now() });
  if (decision.ok) await store(context, decision.record, record.version);
}

async function expireLease(context: Context, record: JobRecord): Promise<void> {
  const decision = decide(record, {
    type: 'expire_lease',
    now: context.jobs.now(),
    max_crashes: context.settings.maxCrashes,
  });
  if (!decision.ok) return;
  const stored = await store(context, decision.record, record.version);
  if (stored !== null) await announce(context, stored);
}

/** Swaps the decided record in, its failure's result document first. Null when somebody else wrote. */
async function store(context: Context, next: JobRecord, expectedVersion: number): Promise<JobRecord | null> {
  const complete =
    next.status === 'Failed' && next.error !== null
      ? await withFailureResult(context, next, next.error)
      : next;
  const { replaced } = await context.jobs.replace(complete, expectedVersion);
  return replaced ? complete : null;
}
