import type { Context } from '../context.ts';
import { MESSAGE_DELAY_MAX_MS } from '../job/due.ts';
import { laneOf, messageOf } from '../job/lane.ts';
import type { JobRecord } from '../job/record.ts';
import { decide } from '../job/transitions.ts';

/**
 * Tells the workers of a job that has just become Pending: sends its message, or, when no live worker can run
 * it, notes what it waits for. Failing is survived, since the job is due and the sweeper announces again.
 */
export async function announce(context: Context, record: JobRecord): Promise<void> {
  if (record.status !== 'Pending' || record.held) return;
  try {
    const lacking = await context.fleet.lacks(record.requires);
    if (lacking === null) return await send(context, record);
    const decision = decide(record, { type: 'wait', waiting_for: lacking, now: context.jobs.now() });
    if (decision.ok) await context.jobs.replace(decision.record, record.version);
  } catch (error) {
    context.log({
      level: 'warn',
      message: 'could not announce a job; the sweeper will',
      job_id: record.job_id,
      error,
    });
  }
}

/** Announces a job again, or for the first time: the swap comes first, so that of two sweepers one sends. */
export async function announceAgain(context: Context, record: JobRecord): Promise<void> {
  const now = context.jobs.now();
  const lacking = await context.fleet.lacks(record.requires);
  const decision = decide(
    record,
    lacking === null ? { type: 'sent', now } : { type: 'wait', waiting_for: lacking, now },
  );
  if (!decision.ok) return;
  const { replaced } = await context.jobs.replace(decision.record, record.version);
  if (replaced && lacking === null) await send(context, decision.record);
}

async function send(context: Context, record: JobRecord): Promise<void> {
  const waitMs = Math.max(0, (record.not_before ?? 0) - context.jobs.now());
  // The record is due at the end of so long a back-off; the sweeper sends then.
  if (waitMs > MESSAGE_DELAY_MAX_MS) return;
  const delaySeconds = Math.ceil(waitMs / 1000);
  await context.queue.send(laneOf(record), messageOf(record), { delaySeconds, group: record.namespace });
}
