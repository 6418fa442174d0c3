import type { Context } from '../context.ts';
import type { JobDocument } from '../job/document.ts';
import type { JobError } from '../job/error.ts';
import { mismatch, type Offer } from '../job/requirements.ts';
import { decide } from '../job/transitions.ts';
import type { QueueMessage } from '../ports.ts';
import { HeldJob } from './held-job.ts';
import { documentOf } from './read.ts';

/**
 * What became of a message. `remove`: the job is over, unknown, held by a live lease or not yet due; the
 * sweeper sends again when it is time. `release`: this worker cannot run it; another may.
 */
export type Claim =
  | { readonly outcome: 'claimed'; readonly job: HeldJob; readonly document: JobDocument }
  | { readonly outcome: 'remove' }
  | { readonly outcome: 'release'; readonly lacking: string };

/** Claims the job that a message names, for this worker. */
export async function claim(context: Context, message: QueueMessage, offer: Offer): Promise<Claim> {
  const fromMessage = mismatch(message.requires, offer);
  if (fromMessage !== null) return { outcome: 'release', lacking: fromMessage };
  const record = await context.jobs.get(message.job_id);
  if (record === null) return { outcome: 'remove' };
  const lacking = mismatch(record.requires, offer);
  if (lacking !== null) return { outcome: 'release', lacking };

  const now = context.jobs.now();
  const leaseId = context.newId();
  const decision = decide(record, {
    type: 'claim',
    now,
    worker_id: offer.worker_id,
    lease_id: leaseId,
    lease_ends_at: now + context.settings.leaseMs,
  });
  if (!decision.ok) return { outcome: 'remove' };
  const swap = await context.jobs.replace(decision.record, record.version);
  // A lost reply leaves our own lease behind; any other lease won the race.
  const held = swap.replaced ? decision.record : swap.current?.lease?.id === leaseId ? swap.current : null;
  if (held === null) return { outcome: 'remove' };
  const job = new HeldJob(context, held, leaseId);
  try {
    return { outcome: 'claimed', job, document: await documentOf(context, held) };
  } catch (error) {
    // Left alone it would look like a worker that vanished, again and again.
    context.log({ level: 'error', message: "a job's document cannot be read", job_id: held.job_id, error });
    await job.fail(documentUnreadable);
    return { outcome: 'remove' };
  }
}

const documentUnreadable: JobError = {
  code: 'STORAGE_ERROR',
  message: 'the job document cannot be read from storage',
  phase: 'opening',
  recoverable: true,
  details: {},
};
