import { createRecord } from '../../../core/job/create.ts';
import { type JobDocument, parseJobDocument } from '../../../core/job/document.ts';
import { fingerprint } from '../../../core/job/fingerprint.ts';
import type { JobRecord } from '../../../core/job/record.ts';

/** A document as a client sends it; `fields` replace top-level ones, and undefined takes one out. */
export function wireDocument(fields: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const document = {
    version: '1.0',
    job_id: 'sample-job-1',
    kind: 'VMOperation',
    operation: 'test.echo',
    created_at: '2026-01-30T10:00:00Z',
    payload: { type: 'test.echo.v1', data: { message: 'hello' } },
    ...fields,
  };
  return Object.fromEntries(Object.entries(document).filter(([, value]) => value !== undefined));
}

/** The document after defaults. */
export function sampleDocument(fields: Readonly<Record<string, unknown>> = {}): JobDocument {
  return parseJobDocument(wireDocument(fields), { defaultNamespace: 'default', pools: ['default', 'big'] });
}

/** The first record of a job submitted at `now`. */
export function sampleRecord(
  fields: Readonly<Record<string, unknown>> = {},
  { now = 1_000_000, held = false }: { now?: number; held?: boolean } = {},
): JobRecord {
  const document = sampleDocument(fields);
  const print = fingerprint(document);
  return createRecord(document, { now, requestId: 'request-1', fingerprint: print, documentKey: null, held });
}
