import { attemptOf, type JobRecord } from './record.ts';

const time = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());

/** A job as GET /jobs/{id} shows it and as lists do: the first seed's fields, then ours. */
export type JobView = ReturnType<typeof viewOf>;

export function viewOf(record: JobRecord) {
  return {
    job_id: record.job_id,
    status: record.status,
    submitted_at: time(record.submitted_at),
    started_at: time(record.started_at),
    completed_at: time(record.completed_at),
    error: record.error === null ? null : record.error.message,
    operation: record.operation,
    namespace: record.namespace,
    labels: record.labels,
    attempt: Math.min(attemptOf(record), record.max_attempts),
    max_attempts: record.max_attempts,
    priority: record.priority,
    worker_id: record.worker_id,
    progress: record.progress,
    error_details:
      record.error === null
        ? null
        : {
            code: record.error.code,
            phase: record.error.phase,
            recoverable: record.error.recoverable,
            details: record.error.details,
          },
    cancel_requested: record.cancel_requested,
    not_before: time(record.not_before),
    waiting_for: record.waiting_for,
  };
}
