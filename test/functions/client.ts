import { expect } from 'vitest';
import type { Context } from '../../core/context.ts';
import { createApi } from '../../functions/api.ts';

export type Reply = {
  readonly status: number;
  readonly headers: Headers;
  /** The parsed body; `json.data` of a success. */
  readonly json: Record<string, unknown>;
  readonly data: Record<string, unknown>;
};

export type Ask = {
  method?: string;
  body?: string | Uint8Array<ArrayBuffer> | ReadableStream;
  headers?: Readonly<Record<string, string>>;
};

/** Asks the API without a socket. What holds of every reply is checked at every reply. */
export function client(context: Context): (path: string, ask?: Ask) => Promise<Reply> {
  const api = createApi(context);
  return async (path, { method = 'GET', body, headers = {} } = {}) => {
    const response = await api.request(path, {
      method,
      headers: { ...(body !== undefined && { 'Content-Type': 'application/json' }), ...headers },
      ...(body !== undefined && { body, duplex: 'half' }),
    });
    expect(response.headers.get('X-Request-Id')).toMatch(/^[\w-]{8,}$/);
    expect(response.headers.get('Content-Type')).toMatch(/^application\/json\b/);
    const json = (await response.json()) as Record<string, unknown>;
    if (response.status < 400) {
      expect(json).toMatchObject({ success: true });
      expect(json).toHaveProperty('data');
    } else {
      expect(json).toMatchObject({ error: expect.any(String), message: expect.any(String) });
      expect(Object.keys(json).filter((key) => !['error', 'message', 'details'].includes(key))).toEqual([]);
    }
    const data = (json.data ?? {}) as Record<string, unknown>;
    return { status: response.status, headers: response.headers, json, data };
  };
}

/** A POST of a value as JSON. */
export const post = (value: unknown): Ask => ({ method: 'POST', body: JSON.stringify(value) });
