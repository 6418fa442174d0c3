import type { JobDocument } from './document.ts';
import type { JobError } from './error.ts';
import type { Requirements } from './requirements.ts';

export const jobStatuses = ['Pending', 'Assigned', 'Running', 'Completed', 'Failed', 'Cancelled'] as const;
export type JobStatus = (typeof jobStatuses)[number];

/** What a worker holds while it may work on a job. Times are the store's, in milliseconds since 1970. */
export type Lease = {
  readonly id: string;
  readonly worker_id: string;
  readonly ends_at: number;
};

/** How far a running job is; `percent` is 0 to 100. */
export type JobProgress = { readonly percent: number; readonly phase: string; readonly message: string };

/** The result object that this job's record makes visible. */
export type ResultReference = {
  readonly key: string;
  readonly size_bytes: number;
  readonly sha256: string;
  readonly content_type: string;
};

/** One step of a job's life. */
export type HistoryEntry = {
  readonly status: JobStatus;
  readonly at: number;
  readonly reason: string;
  readonly worker_id?: string;
  readonly error?: JobError;
};

/**
 * Everything stored about a job. Changed by the pure transitions of transitions.ts only, and stored by
 * compare-and-swap on `version`. All times are milliseconds since 1970, in the store's clock.
 */
export type JobRecord = {
  readonly job_id: string;
  /** Counts the changes, from 1. */
  readonly version: number;
  /** Chosen by the submitter: tells a lost reply from a conflict. */
  readonly request_id: string;
  /** SHA-256 of the document's canonical JSON. */
  readonly fingerprint: string;
  /** The accepted document after defaults; null when it is above 8 KiB and stored at `document_key`. */
  readonly document: JobDocument | null;
  readonly document_key: string | null;

  readonly operation: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly priority: number;
  readonly requires: Requirements;
  readonly attempt: number;
  readonly max_attempts: number;
  readonly timeout_seconds: number;
  readonly deadline: number | null;
  readonly cancellable: boolean;
  /** Whether it may run again after a crash: the operation and the job both say so. */
  readonly repeatable: boolean;

  readonly status: JobStatus;
  /** Recorded, but not to run before it is released. */
  readonly held: boolean;
  readonly submitted_at: number;
  readonly started_at: number | null;
  readonly completed_at: number | null;
  readonly not_before: number | null;
  /** When the sweeper must look at it next; null when never. */
  readonly due_at: number | null;
  /** Messages sent since it last became Pending; the sweeper's interval doubles with each. */
  readonly sends: number;
  /** Why no message was sent: what no live worker offers. */
  readonly waiting_for: string | null;

  readonly claims: number;
  readonly failures: number;
  readonly crashes: number;
  readonly lease: Lease | null;
  /** The worker that holds or last held the job. */
  readonly worker_id: string | null;
  readonly progress: JobProgress | null;
  readonly cancel_requested: boolean;
  readonly error: JobError | null;
  readonly result: ResultReference | null;
  readonly history: readonly HistoryEntry[];
};

export function isTerminal(status: JobStatus): boolean {
  return status === 'Completed' || status === 'Failed' || status === 'Cancelled';
}

/** The attempt a reader is shown: what the document said, and the failures since. */
export function attemptOf(record: JobRecord): number {
  return record.attempt + record.failures;
}
