import type { Context } from '../context.ts';
import type { JobError } from '../job/error.ts';
import type { JobRecord, ResultReference } from '../job/record.ts';
import { withResult } from '../job/transitions.ts';

const CONTENT_TYPE = 'application/json';

/** Puts a result document and gives the reference that makes it visible once a record names it. */
export async function putResult(context: Context, key: string, json: string): Promise<ResultReference> {
  const { size, sha256 } = await context.objects.put(key, Buffer.from(json), { contentType: CONTENT_TYPE });
  return { key, size_bytes: size, sha256, content_type: CONTENT_TYPE };
}

/** Where one claim's result goes: its own place, so that a claim that lost can overwrite nothing. */
export function claimResultKey(record: JobRecord, leaseId: string): string {
  return `results/${record.job_id}/${record.claims}-${leaseId}/result.json`;
}

/**
 * Where one claim's failure goes: beside its result, never over it. A worker that lost the reply to
 * `complete` goes on to `fail`, and by then the result may be what the record names.
 */
export function claimFailureKey(record: JobRecord, leaseId: string): string {
  return `results/${record.job_id}/${record.claims}-${leaseId}/failure.json`;
}

/**
 * Gives a decided record that has just Failed its result document, before anything is swapped. `key` is the
 * claim's own, or by default one named by the record's version for failures decided without a lease.
 */
export async function withFailureResult(
  context: Context,
  next: JobRecord,
  error: JobError,
  key = `results/${next.job_id}/v${next.version}/result.json`,
): Promise<JobRecord> {
  return withResult(next, await putResult(context, key, JSON.stringify({ version: '1.0', error })));
}
