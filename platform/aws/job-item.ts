import { createHash } from 'node:crypto';
import { isTerminal, type JobRecord } from '../../core/job/record.ts';
import { viewOf } from '../../core/job/view.ts';
import { type Item, itemOf, json, N, S, seconds } from './item.ts';
import { RETENTION_DAYS, SHARDS } from './resources.ts';

const DAY_MS = 86_400_000;

/** The key of a job's record. */
export function jobKey(jobId: string) {
  return { pk: S(`J#${jobId}`), sk: S('R') };
}

/** A job's position in a list: by time, then by id. No time has more digits until the year 33658. */
export function placeOf(submittedAt: number, jobId: string): string {
  return `${timePlace(submittedAt)}#${jobId}`;
}

/** Below the places of all jobs of that millisecond and above those before it. */
export function timePlace(ms: number): string {
  return String(Math.max(0, Math.floor(ms))).padStart(15, '0');
}

/** Partitions of the indexes. */
export const shards = Array.from({ length: SHARDS }, (_, shard) => shard);
export const allPartition = (shard: number) => `all#${shard}`;
export const statusPartition = (namespace: string, status: string) => `${namespace}#${status}`;
/** Held jobs are apart: they have a deadline to be looked at, and do not count as unfinished. */
export const duePartition = (shard: number, held: boolean) => `${held ? 'held' : 'due'}#${shard}`;

/** When what is written now of a finished job expires, in seconds since 1970. */
export function expiry(now: number): number {
  return seconds(now + RETENTION_DAYS * DAY_MS);
}

/**
 * A record as it is stored. The document is an attribute of its own, so that it is no JSON within JSON.
 *
 * @param writeId names this write, so that a reply that was lost can be told from another's write
 */
export function jobItem(record: JobRecord, writeId: string, now: number): Item {
  const { job_id, version, namespace, status, submitted_at, due_at, held, requires } = record;
  const { document, ...rest } = record;
  const finished = isTerminal(status);
  const shard = shardOf(job_id);
  return itemOf({
    ...jobKey(job_id),
    version: N(version),
    write_id: S(writeId),
    record: S(JSON.stringify(rest)),
    document: document === null ? undefined : S(JSON.stringify(document)),
    summary: S(JSON.stringify(viewOf(record))),
    expires_at: finished ? N(expiry(now)) : undefined,
    list_shard: S(allPartition(shard)),
    place: S(placeOf(submitted_at, job_id)),
    namespace_status: S(statusPartition(namespace, status)),
    ...(!finished && due_at !== null && { due_shard: S(duePartition(shard, held)), due_at: N(due_at) }),
    directed_to: finished || requires.worker_id === null ? undefined : S(requires.worker_id),
  });
}

export function recordOf(item: Item): JobRecord {
  const rest = json<Omit<JobRecord, 'document'>>(item, 'record');
  const document = item.document === undefined ? null : json<JobRecord['document']>(item, 'document');
  return { ...rest, document };
}

function shardOf(jobId: string): number {
  return createHash('sha256').update(jobId).digest().readUInt32BE() % SHARDS;
}
