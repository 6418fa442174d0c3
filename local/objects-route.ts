import { type Context, Hono } from 'hono';
import { attachment } from '../core/content-disposition.ts';
import type { ByteRange, ObjectInfo, ObjectStore } from '../core/ports.ts';
import { rangeOf } from './range.ts';

/** What a presigned URL grants, or why it grants nothing. */
type Verify = (
  path: string,
  query: URLSearchParams,
) =>
  | { readonly key: string; readonly filename: string; readonly contentType: string }
  | { readonly refusal: string };

/** How often an object that is replaced between its head and its get is looked at again. */
const ATTEMPTS = 3;

/**
 * Serves the embedded platform's presigned URLs under /objects/: GET and HEAD, with Range, If-Range and
 * If-None-Match (RFC 9110 §13, §14). Of several ranges in one request the whole object is sent, as
 * RFC 9110 §14.2 allows.
 */
export function objectsRoute(objects: ObjectStore, verify: Verify): Hono {
  const route = new Hono();
  route.all('/objects/*', (context) => serve(context, objects, verify));
  return route;
}

async function serve(context: Context, objects: ObjectStore, verify: Verify): Promise<Response> {
  const { method } = context.req;
  if (method !== 'GET' && method !== 'HEAD') {
    context.header('Allow', 'GET, HEAD');
    return failure(context, 405, 'METHOD_NOT_ALLOWED', `objects are read with GET or HEAD, not ${method}`);
  }
  const url = new URL(context.req.url);
  const grant = verify(url.pathname, url.searchParams);
  if ('refusal' in grant) return failure(context, 403, 'FORBIDDEN', grant.refusal);

  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const info = await objects.head(grant.key);
    if (info === null) return failure(context, 404, 'NOT_FOUND', 'the object is gone');
    const headers = headersOf(info, grant);
    if (matches(context.req.header('if-none-match'), info.etag)) {
      return context.newResponse(null, { status: 304, headers });
    }
    const range = rangeOf(wantedRange(context, info), info.size);
    if (range === 'unsatisfiable') {
      context.header('Content-Range', `bytes */${info.size}`);
      const message = `the object has ${info.size} bytes, and none of the range asked for`;
      return failure(context, 416, 'RANGE_NOT_SATISFIABLE', message);
    }
    setLength(headers, range, info.size);
    const status = range === null ? 200 : 206;
    if (method === 'HEAD') return context.newResponse(null, { status, headers });
    const body = await bodyOf(objects, info, range);
    if (body !== null) return context.newResponse(body, { status, headers });
  }
  return failure(context, 503, 'UNAVAILABLE', 'the object changes too fast to be read; try again');
}

function headersOf(info: ObjectInfo, grant: { filename: string; contentType: string }): Headers {
  return new Headers({
    'Content-Type': grant.contentType,
    'Content-Disposition': attachment(grant.filename),
    ETag: info.etag,
    'Last-Modified': new Date(info.modifiedAt).toUTCString(),
    'Accept-Ranges': 'bytes',
    'Cache-Control': 'private, no-store',
    // What a guest wrote must not be taken for a page of ours.
    'X-Content-Type-Options': 'nosniff',
  });
}

function setLength(headers: Headers, range: Required<ByteRange> | null, size: number): void {
  if (range === null) {
    headers.set('Content-Length', String(size));
    return;
  }
  headers.set('Content-Length', String(range.end - range.start + 1));
  headers.set('Content-Range', `bytes ${range.start}-${range.end}/${size}`);
}

/** The Range header, where If-Range does not ask for the whole object because it is another one by now. */
function wantedRange(context: Context, info: ObjectInfo): string | undefined {
  const condition = context.req.header('if-range');
  // A date is no strong validator here (it has whole seconds only): it never matches.
  return condition === undefined || condition === info.etag ? context.req.header('range') : undefined;
}

/** If-None-Match by the weak comparison of RFC 9110 §8.8.3.2. */
function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  const tags = header.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(etag);
}

/** Null when the object is no longer the one whose headers were made. */
async function bodyOf(
  objects: ObjectStore,
  info: ObjectInfo,
  range: ByteRange | null,
): Promise<ReadableStream<Uint8Array> | null> {
  const got = await get(objects, info.key, range);
  if (got === null) return null;
  // From an iterator, the stream reads a piece only when it is wanted, and returns it when the client goes.
  const stream = ReadableStream.from(got.body);
  if (got.info.etag === info.etag) return stream;
  await stream.cancel();
  return null;
}

async function get(objects: ObjectStore, key: string, range: ByteRange | null) {
  try {
    return range === null ? await objects.get(key) : await objects.get(key, range);
  } catch (error) {
    // It was replaced by a shorter one.
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function failure(
  context: Context,
  status: 403 | 404 | 405 | 416 | 503,
  error: string,
  message: string,
): Response {
  context.header('Cache-Control', 'private, no-store');
  return context.json({ error, message }, status);
}
