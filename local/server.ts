import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
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

/** What Node's parser refuses never becomes a request: its answers are made here, in the envelope too. */
const unparsable: Readonly<Record<string, readonly [status: string, code: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'BAD_REQUEST', 'the headers are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'BAD_REQUEST', 'the request took too long'],
};
const malformed = ['400 Bad Request', 'BAD_REQUEST', 'this is not HTTP'] as const;

function refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable) {
    socket.destroy(error);
    return;
  }
  const [status, code, message] = unparsable[error.code ?? ''] ?? malformed;
  const body = JSON.stringify({ error: code, message });
  const head = [
    `HTTP/1.1 ${status}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${randomUUID()}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

/** A request that is HTTP and cannot be made a Request, for its Host header or its path. */
function refuseRequest(): Response {
  const body = { error: 'BAD_REQUEST', message: 'the Host header or the path is malformed' };
  return Response.json(body, { status: 400, headers: { 'X-Request-Id': randomUUID() } });
}

/** Listens first, so that a free port is known before anything that needs it is made. */
export async function listen(host: string, port: number): Promise<HttpServer> {
  let answer = starting;
  const server: Server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      // Refused by the listener instead, in the envelope.
      requireHostHeader: false,
    },
    getRequestListener((request) => answer(request), { errorHandler: refuseRequest }),
  );
  server.on('clientError', refuse);
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
