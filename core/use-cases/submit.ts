import type { Context } from '../context.ts';
import { ConflictError, QueueFullError } from '../errors.ts';
import { createRecord, DOCUMENT_INLINE_LIMIT } from '../job/create.ts';
import { type JobDocument, parseJobDocument } from '../job/document.ts';
import { fingerprint } from '../job/fingerprint.ts';
import type { JobRecord } from '../job/record.ts';
import { announce } from './announce.ts';
import { expireDeadline } from './sweep.ts';

/** The trace of the request that submits, for a document that names none. */
export type Trace = { readonly trace_id: string; readonly parent_span_id?: string };

export type Submitted = {
  readonly job_id: string;
  /** False when the same document was there already. */
  readonly created: boolean;
};

/**
 * Records a job and announces it. Once this returns, the job survives any crash. The same document again
 * changes nothing and says `created: false`.
 *
 * Throws a ValidationError (naming the field), a ConflictError when the job_id is taken by another document,
 * a QueueFullError, a StorageError.
 */
export async function submit(
  context: Context,
  value: unknown,
  { defaultNamespace = 'default', trace }: { defaultNamespace?: string; trace?: Trace } = {},
): Promise<Submitted> {
  const { jobs, settings } = context;
  const submitted = parseJobDocument(value, { defaultNamespace, pools: settings.pools });
  // A trace is the request's, not the document's: sent again in another trace it is the same document.
  const print = fingerprint(submitted);
  const document = traced(submitted, trace);
  const full = await fullness(context);
  if (full !== null) {
    // What was accepted before is no new job, however full it is.
    const existing = await jobs.get(document.job_id);
    if (existing?.fingerprint === print) return { job_id: document.job_id, created: false };
    throw full;
  }

  const json = Buffer.from(JSON.stringify(document));
  const documentKey =
    json.length > DOCUMENT_INLINE_LIMIT ? `documents/${document.job_id}/${print}.json` : null;
  if (documentKey !== null) await context.objects.put(documentKey, json, { contentType: 'application/json' });

  const requestId = context.newId();
  const now = jobs.now();
  const record = createRecord(document, { now, requestId, fingerprint: print, documentKey, held: false });
  const outcome = await jobs.insert(record);
  if (!outcome.inserted && outcome.existing.request_id !== requestId) {
    if (outcome.existing.fingerprint === print) return { job_id: record.job_id, created: false };
    if (documentKey !== null) await context.objects.delete(documentKey);
    throw new ConflictError(`Job ${record.job_id} exists with another document`, {
      field: 'job_id',
      reason: 'is taken by a job with another document',
    });
  }
  await begin(context, record);
  return { job_id: record.job_id, created: true };
}

function traced(document: JobDocument, trace: Trace | undefined): JobDocument {
  if (trace === undefined || document.observability?.trace_id !== undefined) return document;
  return { ...document, observability: { ...document.observability, ...trace } };
}

/** A job whose deadline has passed fails at once; any other is announced. */
async function begin(context: Context, record: JobRecord): Promise<void> {
  if (record.deadline === null || context.jobs.now() < record.deadline) return announce(context, record);
  try {
    await expireDeadline(context, record);
  } catch (error) {
    context.log({
      level: 'warn',
      message: 'a job past its deadline is left to the sweeper',
      job_id: record.job_id,
      error,
    });
  }
}

const RETRY_AFTER_SECONDS = 10;

/** The refusal of new jobs, or null while they are admitted. */
async function fullness({ jobs, settings }: Context): Promise<QueueFullError | null> {
  const unfinished = await jobs.unfinished();
  if (unfinished < settings.maxUnfinishedJobs) return null;
  return new QueueFullError(
    `${unfinished} jobs are unfinished, and no more than ${settings.maxUnfinishedJobs} are admitted`,
    RETRY_AFTER_SECONDS,
  );
}
