import { isUtf8 } from 'node:buffer';
import type { Context as HonoContext } from 'hono';
import { requirePlainJson } from '../core/plain-json.ts';
import { RequestError } from './errors.ts';

/** Largest request body, in bytes. */
export const BODY_LIMIT = 256 * 1024;

export function refuseBody(): never {
  throw new RequestError('PAYLOAD_TOO_LARGE', `the body is above ${BODY_LIMIT} bytes`);
}

/**
 * The request's JSON. Throws a RequestError: 415 for another content type, 413 for a body above the limit, 400
 * for what is not JSON. A ValidationError for JSON that {@link requirePlainJson} refuses.
 */
export async function readJson(c: HonoContext): Promise<unknown> {
  const contentType = c.req.header('content-type') ?? '';
  if (!/^application\/(?:[\w.+-]+\+)?json *(?:;|$)/i.test(contentType)) {
    throw new RequestError('UNSUPPORTED_MEDIA_TYPE', 'the body must be application/json');
  }
  const bytes = Buffer.from(await c.req.arrayBuffer());
  // Where the platform hands over a body without announcing its length.
  if (bytes.length > BODY_LIMIT) refuseBody();
  if (!isUtf8(bytes)) throw new RequestError('BAD_REQUEST', 'the body is not UTF-8');
  const value = parsed(bytes.toString('utf8'));
  requirePlainJson(value);
  return value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RequestError('BAD_REQUEST', `the body is not JSON: ${reason.slice(0, 200)}`);
  }
}
