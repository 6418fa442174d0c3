import type { JobDocument } from '../../core/job/document.ts';
import type { JobError } from '../../core/job/error.ts';
import type { JobProgress } from '../../core/job/record.ts';

/** What an operation is given. */
export type Run = {
  readonly document: JobDocument;
  /** Aborts when the job must stop: time-out, cancel, lost lease, drain. The operation ends its children. */
  readonly signal: AbortSignal;
  /** Says how far it is; cheap, stored at most once a second. */
  readonly progress: (progress: JobProgress) => void;
};

/** Runs one job and gives its result document. Throws an OperationError for what a user should read. */
export type OperationRunner = (run: Run) => Promise<unknown>;

/** A failure that the operation understands, as it goes into the job. */
export class OperationError extends Error {
  readonly error: JobError;

  constructor(error: JobError, options?: ErrorOptions) {
    super(error.message, options);
    this.name = 'OperationError';
    this.error = error;
  }
}
