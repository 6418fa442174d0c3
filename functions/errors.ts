import type { Context as HonoContext } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Log } from '../core/context.ts';
import {
  ConflictError,
  ContentionError,
  NotFoundError,
  QueueFullError,
  StorageError,
  ValidationError,
} from '../core/errors.ts';

/** Error codes of the /api/v1 envelope, with the status each goes with. */
export const errorStatus = {
  BAD_REQUEST: 400,
  VALIDATION_ERROR: 400,
  UNSUPPORTED_OPTION: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  CONFLICT: 409,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  RATE_LIMITED: 429,
  QUEUE_FULL: 429,
  INTERNAL_ERROR: 500,
  UNAVAILABLE: 503,
} as const satisfies Record<string, ContentfulStatusCode>;

export type ErrorCode = keyof typeof errorStatus;

/** Thrown by routes for what is wrong with the HTTP request itself. */
export class RequestError extends Error {
  readonly code: ErrorCode;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ErrorCode, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.code = code;
    this.headers = headers;
  }
}

/** An error as the envelope has it: `{error, message, details?}`. */
export function errorReply(
  c: HonoContext,
  code: ErrorCode,
  message: string,
  details: Readonly<Record<string, unknown>> = {},
): Response {
  return c.json(
    { error: code, message, ...(Object.keys(details).length > 0 && { details }) },
    errorStatus[code],
  );
}

/** Hono's error handler: every thrown error becomes an envelope; the unexpected ones only by request id. */
export function createErrorHandler(log: Log): (error: Error, c: HonoContext) => Response {
  return (error, c) => {
    if (error instanceof RequestError) {
      for (const [name, value] of Object.entries(error.headers)) c.header(name, value);
      return errorReply(c, error.code, error.message);
    }
    if (error instanceof ValidationError) {
      return errorReply(c, error.code, error.message, { field: error.field, reason: error.reason });
    }
    if (error instanceof NotFoundError || error instanceof ConflictError) {
      return errorReply(c, error.code, error.message, error.details);
    }
    if (error instanceof QueueFullError) {
      c.header('Retry-After', String(error.retryAfterSeconds));
      return errorReply(c, 'QUEUE_FULL', error.message);
    }
    if (error instanceof HTTPException && error.status === 413) {
      return errorReply(c, 'PAYLOAD_TOO_LARGE', error.message);
    }
    const requestId = String(c.get('requestId'));
    log({ level: 'error', message: 'a request failed', request_id: requestId, path: c.req.path, error });
    if (error instanceof StorageError || error instanceof ContentionError) {
      c.header('Retry-After', '1');
      return errorReply(c, 'UNAVAILABLE', 'a store does not answer; try again', { request_id: requestId });
    }
    return errorReply(c, 'INTERNAL_ERROR', `something went wrong; request ${requestId}`, {
      request_id: requestId,
    });
  };
}
