import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll } from 'vitest';
import { createRecord } from '../../../core/job/create.ts';
import { parseJobDocument } from '../../../core/job/document.ts';
import type { JobRecord } from '../../../core/job/record.ts';
import type { Lane, Platform, QueueMessage } from '../../../core/ports.ts';

/** A platform as the conformance suite is given it. */
export type Subject = {
  readonly name: string;
  /** How long `list`, `due`, `unfinished` and `depth` may lag, in milliseconds. */
  readonly lagMs: number;
  /** Whether turns over groups, one delivery per visibility, and the death of receipts are kept exactly or as best effort. */
  readonly queue: 'strict' | 'best effort';
  /**
   * `in part`: a small emulator that lists in another order than that of the bytes of the keys, and that neither
   * checks presigned URLs nor gives their headers.
   */
  readonly objects: 'complete' | 'in part';
  /** Opens a platform for one test file; what others left in it does not matter. */
  open(): Promise<OpenSubject>;
};

export type OpenSubject = {
  readonly platform: Platform;
  /** A second client of the same stores, as another process has it. */
  readonly other: Platform;
  /** A lane that nobody has used yet. */
  lane(): Promise<Lane>;
  close(): Promise<void>;
};

/** Opens the subject around the tests of a describe block; the getter works inside tests only. */
export function opened(subject: Subject): () => OpenSubject {
  let open: OpenSubject | undefined;
  beforeAll(async () => {
    open = await subject.open();
  });
  afterAll(() => open?.close());
  return () => {
    if (open === undefined) throw new Error('the subject is open inside tests only');
    return open;
  };
}

/** Tries a check again until it passes or the subject may not lag any longer; the last failure is thrown. */
export async function eventually<T>(subject: Subject, check: () => Promise<T>): Promise<T> {
  const end = performance.now() + subject.lagMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() >= end) throw error;
      await sleep(50);
    }
  }
}

/** A name that no other test uses. */
export const unique = (prefix: string): string => `${prefix}-${randomUUID()}`;

/** A fresh record as submit makes it, with these fields changed. */
export function newRecord(changes: Partial<JobRecord> = {}): JobRecord {
  const document = parseJobDocument(
    {
      version: '1.0',
      job_id: changes.job_id ?? unique('job'),
      kind: 'VMOperation',
      operation: 'system.echo',
      created_at: '2026-01-01T00:00:00Z',
      payload: { type: 'system.echo.v1', data: {} },
    },
    { defaultNamespace: 'default', pools: ['default'] },
  );
  const record = createRecord(document, {
    now: Date.now(),
    requestId: unique('request'),
    fingerprint: 'f'.repeat(64),
    documentKey: null,
    held: false,
  });
  return { ...record, ...changes };
}

export function newMessage(jobId = unique('job')): QueueMessage {
  return { job_id: jobId, requires: newRecord().requires };
}
