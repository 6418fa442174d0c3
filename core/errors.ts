/** Base of every refusal that core decides; `code` is the wire's error code. */
export abstract class DisklaneError extends Error {
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The request is well-formed JSON and breaks a rule; `field` is the path of the value that does. */
export class ValidationError extends DisklaneError {
  readonly code: 'VALIDATION_ERROR' | 'UNSUPPORTED_OPTION';
  readonly field: string;
  readonly reason: string;

  constructor(
    field: string,
    reason: string,
    code: 'VALIDATION_ERROR' | 'UNSUPPORTED_OPTION' = 'VALIDATION_ERROR',
    subject = 'Job',
  ) {
    super(`${subject} validation failed: ${field === '' ? '' : `${field}: `}${reason}`);
    this.field = field;
    this.reason = reason;
    this.code = code;
  }
}

/** Nobody knows this job, or it has nothing to show yet; `details` says which. */
export class NotFoundError extends DisklaneError {
  readonly code = 'NOT_FOUND';
  readonly details: Readonly<Record<string, string>>;

  constructor(message: string, details: Readonly<Record<string, string>> = {}) {
    super(message);
    this.details = details;
  }
}

/** The request contradicts what is stored: a used job_id with another document, a cancelled job's result. */
export class ConflictError extends DisklaneError {
  readonly code = 'CONFLICT';
  readonly details: Readonly<Record<string, string>>;

  constructor(message: string, details: Readonly<Record<string, string>> = {}) {
    super(message);
    this.details = details;
  }
}

/** As many jobs wait as the service admits; the caller may try again after `retryAfterSeconds`. */
export class QueueFullError extends DisklaneError {
  readonly code = 'QUEUE_FULL';
  readonly retryAfterSeconds: number;

  constructor(message: string, retryAfterSeconds: number) {
    super(message);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** A store does not answer, is full, or cannot be written; nothing was acknowledged. */
export class StorageError extends DisklaneError {
  readonly code = 'STORAGE_ERROR';
}

/** Something wrote first, again and again: the change was not made and may be tried later. */
export class ContentionError extends DisklaneError {
  readonly code = 'UNAVAILABLE';
}
