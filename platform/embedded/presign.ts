import { createHmac, timingSafeEqual } from 'node:crypto';
import { requireLifetime } from '../../core/port-limits.ts';

/** Where the gateway serves presigned URLs, below the public URL. */
export const OBJECTS_PATH = '/objects/';

/** What a presigned URL grants: one object, with these response headers. */
export type Grant = { readonly key: string; readonly filename: string; readonly contentType: string };

/** Why a URL grants nothing. */
export type Refusal = { readonly refusal: string };

type Request = Grant & { readonly expiresInSeconds: number };

/**
 * A URL that grants one object until it expires. Key, expiry (seconds since 1970), file name and content type
 * are all under the signature.
 */
export function presign(
  signingKey: Uint8Array,
  publicUrl: string,
  { expiresInSeconds, ...grant }: Request,
  now: number,
): { readonly url: string; readonly expiresAt: number } {
  requireLifetime(expiresInSeconds);
  const expires = Math.ceil(now / 1000 + expiresInSeconds);
  const query = new URLSearchParams({
    expires: String(expires),
    filename: grant.filename,
    type: grant.contentType,
    signature: signature(signingKey, grant, expires).toString('base64url'),
  });
  const path = grant.key.split('/').map(encodeURIComponent).join('/');
  return {
    url: `${publicUrl.replace(/\/+$/, '')}${OBJECTS_PATH}${path}?${query}`,
    expiresAt: expires * 1000,
  };
}

/**
 * What a request for a presigned URL is granted. The signature is looked at first and compared in constant
 * time, so nothing is learnt from how a forged one fails.
 *
 * @param path the URL's path as it was sent, from OBJECTS_PATH on
 */
export function verifyPresigned(
  signingKey: Uint8Array,
  path: string,
  query: URLSearchParams,
  now: number,
): Grant | Refusal {
  const key = keyOf(path);
  const [expires, filename, contentType, sent] = ['expires', 'filename', 'type', 'signature'].map((name) => {
    const values = query.getAll(name);
    return values.length === 1 ? values[0] : undefined;
  });
  if (key === null || expires === undefined || filename === undefined || contentType === undefined) {
    return { refusal: 'the URL is not signed' };
  }
  const until = /^\d{1,12}$/.test(expires) ? Number(expires) : 0;
  const grant = { key, filename, contentType };
  const given = Buffer.from(sent ?? '', 'base64url');
  const wanted = signature(signingKey, grant, until);
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
    return { refusal: "the URL's signature is wrong" };
  }
  if (now >= until * 1000) return { refusal: 'the URL has expired' };
  return grant;
}

function keyOf(path: string): string | null {
  if (!path.startsWith(OBJECTS_PATH)) return null;
  try {
    return decodeURIComponent(path.slice(OBJECTS_PATH.length));
  } catch {
    return null;
  }
}

function signature(signingKey: Uint8Array, { key, filename, contentType }: Grant, expires: number): Buffer {
  // As a JSON array the values cannot run into each other.
  const signed = JSON.stringify([key, expires, filename, contentType]);
  return createHmac('sha256', signingKey).update(`object URL\n${signed}`).digest();
}
