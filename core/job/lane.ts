import type { Lane, QueueMessage } from '../ports.ts';
import type { JobRecord } from './record.ts';

/** The lane a job is queued in: its first pool, and the band of its priority. */
export function laneOf(record: JobRecord): Lane {
  const band = record.priority >= 8 ? 'high' : record.priority >= 4 ? 'normal' : 'low';
  return { pool: record.requires.pools[0] ?? 'default', band };
}

export function messageOf(record: JobRecord): QueueMessage {
  const trace = record.document?.observability?.trace_id;
  return {
    job_id: record.job_id,
    requires: record.requires,
    ...(trace !== undefined && { trace_id: trace }),
  };
}
