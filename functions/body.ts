import { isUtf8 } from 'node:buffer';
import type { Context as HonoContext } from 'hono';
import { ValidationError } from '../core/errors.ts';
import { RequestError } from './errors.ts';

/** Largest request body, in bytes. */
export const BODY_LIMIT = 256 * 1024;

/** The request's JSON. Throws a RequestError: 415 for another content type, 400 for what is not JSON. */
export async function readJson(c: HonoContext): Promise<unknown> {
  const contentType = c.req.header('content-type') ?? '';
  if (!/^application\/(?:[\w.+-]+\+)?json *(?:;|$)/i.test(contentType)) {
    throw new RequestError('UNSUPPORTED_MEDIA_TYPE', 'the body must be application/json');
  }
  const bytes = Buffer.from(await c.req.arrayBuffer());
  if (!isUtf8(bytes)) throw new RequestError('BAD_REQUEST', 'the body is not UTF-8');
  const text = bytes.toString('utf8');
  // A parsed __proto__ key is lost on its way through any copy of the object; nothing may be lost silently.
  if (/"__proto__"\s*:/.test(text)) throw new ValidationError('__proto__', 'is not allowed as a field');
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RequestError('BAD_REQUEST', `the body is not JSON: ${reason.slice(0, 200)}`);
  }
}
