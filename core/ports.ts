import type { JobRecord, JobStatus } from './job/record.ts';
import type { Offer, Requirements } from './job/requirements.ts';

// Each port is an interface and nothing else; the guarantees are proved for every platform by test/platform/conformance.
// A store that cannot do what it was asked throws a StorageError; nothing was acknowledged then.

/** A job as lists show it: the JSON text of core's JobView, kept as text so that a list of hundreds is not parsed and printed again. */
export type JobSummary = string;

export type JobFilter = {
  readonly status?: JobStatus;
  readonly operation?: string;
  readonly namespace?: string;
  readonly label?: { readonly key: string; readonly value: string };
  /** Milliseconds since 1970, inclusive. */
  readonly submittedAfter?: number;
  /** Milliseconds since 1970, exclusive. */
  readonly submittedBefore?: number;
};

/** A page may hold fewer than asked for, even none, while `next` is there. `next` is opaque to the caller. */
export type Page<T> = { readonly items: readonly T[]; readonly next: string | null };

export interface JobStore {
  /**
   * Stores a new job. Never overwrites: where the id is taken the stored record comes back, and the caller
   * tells its own lost reply from a conflict by `request_id`.
   */
  insert(record: JobRecord): Promise<{ inserted: true } | { inserted: false; existing: JobRecord }>;
  /** The job, seeing every acknowledged write. */
  get(jobId: string): Promise<JobRecord | null>;
  /** Atomic compare-and-swap on the version; what is stored comes back when it is another one. */
  replace(
    record: JobRecord,
    expectedVersion: number,
  ): Promise<{ replaced: true } | { replaced: false; current: JobRecord | null }>;
  /** Removes the job if it has this version still; says whether it did. */
  remove(jobId: string, expectedVersion: number): Promise<boolean>;
  /** Newest first by submitted_at, then job_id descending. May lag, never scans the whole table. A token that does not parse throws a ValidationError on `page_token`. */
  list(filter: JobFilter, limit: number, pageToken: string | null): Promise<Page<JobSummary>>;
  /** Jobs whose `due_at` is at or before `now`, the most overdue first. May lag. */
  due(now: number, limit: number): Promise<readonly JobRecord[]>;
  /** Unfinished jobs (Pending, Assigned, Running, not held): what admission and health need. May lag. */
  unfinished(): Promise<number>;
  /** The store's time, in milliseconds since 1970: what leases and deadlines are written in. */
  now(): number;
}

/** Something that happened while a job ran. */
export type JobEvent = {
  /** Milliseconds since 1970, the store's time. */
  readonly at: number;
  readonly phase: string;
  readonly percent: number;
  readonly message: string;
};

/** Position of an event: unique and ordered for one job, gaps allowed. */
export type EventSequence = { readonly version: number; readonly index: number };

export interface EventLog {
  /** Appends the events that belong to one record version; the same version again replaces nothing and adds nothing. */
  append(jobId: string, events: readonly JobEvent[], version: number): Promise<void>;
  /** Events after `sequence` (from the start when null), in order, seeing every acknowledged append. */
  after(
    jobId: string,
    sequence: EventSequence | null,
    limit: number,
  ): Promise<readonly (JobEvent & { readonly sequence: EventSequence })[]>;
  remove(jobId: string): Promise<void>;
}

export type PriorityBand = 'high' | 'normal' | 'low';
export const priorityBands: readonly PriorityBand[] = ['high', 'normal', 'low'];

/** One queue: a worker pool and a band of priorities (8–10, 4–7, 1–3). */
export type Lane = { readonly pool: string; readonly band: PriorityBand };

export type QueueMessage = {
  readonly job_id: string;
  readonly requires: Requirements;
  /** The trace that the job belongs to, for the worker's log. */
  readonly trace_id?: string;
};

/** A message held by its receiver until it is removed, released, or its visibility time-out ends. */
export type ReceivedMessage = {
  readonly message: QueueMessage;
  /**
   * Names this receipt. It dies when the message is received again; SQS keeps that as best effort, and may let
   * an old receipt remove the message. That is harmless: the job's record alone says what is to run.
   */
  readonly receipt: string;
  /** How often it was received, this time included. */
  readonly receives: number;
};

/** Why a message (or a job) was put aside, in the words of whoever did. */
export type DeadLetter = {
  readonly id: string;
  readonly message: QueueMessage;
  readonly reason: string;
  readonly at: number;
};

export interface JobQueue {
  /** At least once. `delaySeconds` is 0 to 900; more is refused with a RangeError. `group` is the fairness group. */
  send(lane: Lane, message: QueueMessage, options: { delaySeconds: number; group: string }): Promise<void>;
  /**
   * Up to `max` visible messages, invisible to others for `visibilitySeconds`. Waits up to `waitSeconds` for
   * the first one and wakes on its arrival; ends early with none when the signal aborts.
   */
  receive(
    lane: Lane,
    options: { max: number; waitSeconds: number; visibilitySeconds: number; signal?: AbortSignal },
  ): Promise<readonly ReceivedMessage[]>;
  /** Keeps it invisible for so long from now. Best effort: false when the receipt is dead. */
  extend(lane: Lane, receipt: string, visibilitySeconds: number): Promise<boolean>;
  /** Gives it back, visible again after `delaySeconds` (0 to 900). */
  release(lane: Lane, receipt: string, delaySeconds: number): Promise<void>;
  /** Done with it. A dead receipt is not an error. */
  remove(lane: Lane, receipt: string): Promise<void>;
  /** How many messages wait: visible now, delayed, held. May lag. */
  depth(lane: Lane): Promise<{ readonly visible: number; readonly delayed: number; readonly held: number }>;
  readonly deadLetters: {
    put(lane: Lane, message: QueueMessage, reason: string): Promise<void>;
    list(lane: Lane, limit: number): Promise<readonly DeadLetter[]>;
    /** Sends up to `limit` dead letters to the lane again and takes them out; gives how many. */
    redrive(lane: Lane, limit: number): Promise<number>;
  };
}

export type ObjectInfo = {
  readonly key: string;
  readonly size: number;
  /** Quoted, as HTTP has it. */
  readonly etag: string;
  readonly contentType: string;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
};

export type ByteRange = {
  readonly start: number;
  /** Inclusive; to the end when absent. */
  readonly end?: number;
};

export interface ObjectStore {
  /** Stores the whole object or nothing; an object of that key is replaced. Keys are 1 to 1,024 bytes, `/` separates, no part is empty, `.` or `..`. */
  put(
    key: string,
    body: Uint8Array | AsyncIterable<Uint8Array>,
    options: { contentType: string },
  ): Promise<{ readonly size: number; readonly sha256: string }>;
  /**
   * Null when there is none. The stream gives the object as it was when it was opened; a reader that does not
   * read it to its end calls `return` (as `break` does). A range that ends past the object is cut; one that
   * starts at or past its end is a RangeError, unless it is the whole of an empty object.
   */
  get(
    key: string,
    range?: ByteRange,
  ): Promise<{ readonly info: ObjectInfo; readonly body: AsyncIterable<Uint8Array> } | null>;
  head(key: string): Promise<ObjectInfo | null>;
  /**
   * A URL that anyone may GET until `expiresInSeconds` (1 to 900) from now, for exactly this key, with these
   * response headers.
   */
  presignGet(
    key: string,
    options: { expiresInSeconds: number; filename: string; contentType: string },
  ): Promise<{ readonly url: string; readonly expiresAt: number }>;
  list(prefix: string, limit: number, pageToken: string | null): Promise<Page<ObjectInfo>>;
  /** No error where there is none. */
  delete(key: string): Promise<void>;
}

/** A worker as it registers itself at each beat. */
export type WorkerRecord = Offer & {
  readonly disk_formats: readonly string[];
  readonly max_concurrent_jobs: number;
  readonly active_jobs: number;
  /** Milliseconds since 1970, the store's time. */
  readonly started_at: number;
  /** Seconds after its last beat at which it counts as gone. */
  readonly time_to_live_seconds: number;
};

export type LiveWorker = WorkerRecord & { readonly seen_at: number };

export interface WorkerRegistry {
  beat(worker: WorkerRecord): Promise<void>;
  /** The workers whose last beat is younger than their time to live, by worker_id. */
  list(): Promise<readonly LiveWorker[]>;
  remove(workerId: string): Promise<void>;
}

/** What a platform gives to functions and workers. */
export type Platform = {
  readonly jobs: JobStore;
  readonly events: EventLog;
  readonly queue: JobQueue;
  readonly objects: ObjectStore;
  readonly workers: WorkerRegistry;
  /** Finishes what is under way and lets go of files and connections. */
  close(): Promise<void>;
};
