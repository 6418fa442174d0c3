import type { Context } from '../context.ts';
import { NotFoundError, StorageError } from '../errors.ts';
import { type JobDocument, jobDocument } from '../job/document.ts';
import type { JobRecord } from '../job/record.ts';
import { type JobView, viewOf } from '../job/view.ts';
import type { JobFilter, JobSummary, Page } from '../ports.ts';

/** The record of a job; throws a NotFoundError when there is none. */
export async function requireJob(context: Context, jobId: string): Promise<JobRecord> {
  const record = await context.jobs.get(jobId);
  if (record === null) throw new NotFoundError(`Job ${jobId} not found`);
  return record;
}

/** A job as it stands; with its accepted document when asked for. */
export async function getJob(
  context: Context,
  jobId: string,
  { document }: { document: boolean },
): Promise<JobView & { document?: JobDocument }> {
  const record = await requireJob(context, jobId);
  return document ? { ...viewOf(record), document: await documentOf(context, record) } : viewOf(record);
}

export function listJobs(
  context: Context,
  filter: JobFilter,
  limit: number,
  pageToken: string | null,
): Promise<Page<JobSummary>> {
  return context.jobs.list(filter, limit, pageToken);
}

/** The accepted document, from the record or from where a large one is stored. */
export async function documentOf(context: Context, record: JobRecord): Promise<JobDocument> {
  if (record.document !== null) return record.document;
  const key = record.document_key ?? '';
  const stored = await context.objects.get(key);
  if (stored === null) throw new StorageError(`the document of job ${record.job_id} is gone (${key})`);
  const value: unknown = JSON.parse(await textOf(stored.body));
  const parsed = jobDocument.parse(value);
  return { ...parsed, metadata: { ...parsed.metadata, namespace: record.namespace } };
}

export async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces).toString('utf8');
}
