import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';

export type Fetch = (request: Request) => Response | Promise<Response>;

export type HttpServer = {
  readonly port: number;
  /** From now on requests are answered by this; before, by 503. */
  answerWith(fetch: Fetch): void;
  /** No new connections; resolves when the open requests are answered, or cut off after `patienceMs`. */
  close(patienceMs: number): Promise<void>;
};

/** A request's headers must be through after this, and its body after that, in milliseconds. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;

const starting: Fetch = () =>
  Response.json(
    { error: 'UNAVAILABLE', message: 'starting' },
    { status: 503, headers: { 'Retry-After': '1', 'X-Request-Id': randomUUID() } },
  );

/** Listens first, so that a free port is known before anything that needs it is made. */
export async function listen(host: string, port: number): Promise<HttpServer> {
  let answer = starting;
  const server: Server = createServer(
    { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS },
    getRequestListener((request) => answer(request)),
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    answerWith(fetch) {
      answer = fetch;
    },
    close: (patienceMs) =>
      new Promise((resolve) => {
        const patience = setTimeout(() => server.closeAllConnections(), patienceMs);
        server.close(() => {
          clearTimeout(patience);
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}
