import { isTerminal, type JobRecord } from './record.ts';

/** A lease is taken over this long after its end at the earliest, in milliseconds. */
export const LEASE_GRACE_MS = 5000;

/** A job whose message was sent is looked at again after this; the interval doubles up to an hour. */
const RESEND_MS = 30_000;
const RESEND_MAX_MS = 3_600_000;

/** Longest delay a message can be sent with, in milliseconds; after a longer back-off the sweeper sends. */
export const MESSAGE_DELAY_MAX_MS = 900_000;

/**
 * A job that waits for a worker is looked at this often, so that one that appears sets it free: after a second
 * at first, and less and less often as it grows old, since thousands may wait for days.
 */
const WAIT_MS = 1000;
export const WAIT_MAX_MS = 30_000;
const WAIT_SHARE_OF_AGE = 0.1;

/**
 * When the sweeper must look at the job next, or null when never: at its deadline, when its lease may be
 * taken over, when its message is to be sent again, when a worker for it may have come.
 */
export function dueAt(record: Omit<JobRecord, 'due_at'>, now: number): number | null {
  if (isTerminal(record.status)) return null;
  const times: number[] = [];
  if (record.deadline !== null) times.push(record.deadline);
  if (record.lease !== null) times.push(record.lease.ends_at + LEASE_GRACE_MS);
  else if (!record.held) times.push(nextSend(record, now));
  return times.length === 0 ? null : Math.min(...times);
}

function nextSend(record: Omit<JobRecord, 'due_at'>, now: number): number {
  if (record.waiting_for !== null) {
    const patience = (now - record.submitted_at) * WAIT_SHARE_OF_AGE;
    return now + Math.round(Math.min(WAIT_MAX_MS, Math.max(WAIT_MS, patience)));
  }
  const notBefore = record.not_before ?? now;
  if (notBefore - now > MESSAGE_DELAY_MAX_MS) return notBefore;
  const interval = Math.min(RESEND_MS * 2 ** Math.max(0, record.sends - 1), RESEND_MAX_MS);
  return Math.max(now, notBefore) + interval;
}
