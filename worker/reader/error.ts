import type { JobError, JobErrorCode, JobPhase } from '../../core/job/error.ts';
import type { ReadDiskError } from './outcome.ts';

type Details = JobError['details'];

/** What a retry of the same job may mend: a source that failed for now, a child that died, a file being written. */
const recoverable: ReadonlySet<JobErrorCode> = new Set([
  'IMAGE_UNREADABLE',
  'IMAGE_CHANGED',
  'READER_CRASHED',
]);

/** Why an image was not read, in the terms of a failed job. */
export class ReaderError extends Error {
  readonly code: JobErrorCode;
  readonly phase: JobPhase;
  readonly details: Details;

  constructor(code: JobErrorCode, phase: JobPhase, message: string, details: Details = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ReaderError';
    this.code = code;
    this.phase = phase;
    this.details = details;
  }

  /** Whether the same job may succeed when tried again. */
  get recoverable(): boolean {
    return recoverable.has(this.code);
  }

  toJobError(): JobError {
    const { code, message, phase, details } = this;
    return { code, message, phase, recoverable: this.recoverable, details };
  }
}

/**
 * A DiskError of the child as a job's error; one of class FormatMismatch has a code of its own. Details: `layer`, `byte_offset` in the stored image `source`
 * (null where no stored byte answers), `device_offset` in the layer's own device, `expected` and `found`;
 * a reached limit is named in `limit`, a missing feature in `feature`.
 */
export function fromDiskError(phase: JobPhase, error: ReadDiskError): ReaderError {
  const { name, kind, layer, at, image, expected, found, message } = error;
  const place = { source: image?.source ?? null, byte_offset: image?.offset ?? null, device_offset: at };
  const fail = (code: JobErrorCode, details: Details) =>
    new ReaderError(code, phase, message, { layer, ...place, ...details });
  switch (kind) {
    case 'damage':
      return fail(name === 'FormatMismatch' ? 'IMAGE_FORMAT_MISMATCH' : 'IMAGE_CORRUPT', { expected, found });
    case 'io':
      return fail('IMAGE_UNREADABLE', { expected, found });
    case 'changed':
      return fail('IMAGE_CHANGED', { expected, found });
    case 'unsupported':
      return fail('IMAGE_UNSUPPORTED', { feature: expected, found });
    case 'limit':
      return fail('LIMIT_EXCEEDED', { limit: expected, found });
  }
}
