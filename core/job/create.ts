import { catalogue } from '../catalogue/catalogue.ts';
import type { JobDocument } from './document.ts';
import { dueAt } from './due.ts';
import type { JobRecord } from './record.ts';
import { requirementsOf } from './requirements.ts';

/** A document above this many bytes of JSON is stored as an object and named by its key in the record. */
export const DOCUMENT_INLINE_LIMIT = 8 * 1024;

/** The first record of a job. `documentKey` names the stored document when it is too large to be inside. */
export function createRecord(
  document: JobDocument,
  {
    now,
    requestId,
    fingerprint,
    documentKey,
    held,
  }: { now: number; requestId: string; fingerprint: string; documentKey: string | null; held: boolean },
): JobRecord {
  const { execution } = document;
  const safe = catalogue.get(document.operation)?.safeToRepeat ?? false;
  const record = {
    job_id: document.job_id,
    version: 1,
    request_id: requestId,
    fingerprint,
    document: documentKey === null ? document : null,
    document_key: documentKey,
    operation: document.operation,
    namespace: document.metadata.namespace,
    labels: document.metadata.labels ?? {},
    priority: execution.priority,
    requires: requirementsOf(document),
    attempt: execution.attempt,
    max_attempts: execution.max_attempts,
    timeout_seconds: execution.timeout_seconds,
    deadline: execution.deadline === undefined ? null : Date.parse(execution.deadline),
    cancellable: execution.cancellable,
    repeatable: safe && execution.idempotent,
    status: 'Pending',
    held,
    submitted_at: now,
    started_at: null,
    completed_at: null,
    not_before: null,
    // One message follows the insert at once.
    sends: 1,
    waiting_for: null,
    claims: 0,
    failures: 0,
    crashes: 0,
    lease: null,
    worker_id: null,
    progress: null,
    cancel_requested: false,
    error: null,
    result: null,
    history: [{ status: 'Pending', at: now, reason: held ? 'submitted, held' : 'submitted' }],
  } as const;
  return { ...record, due_at: dueAt(record, now) };
}
