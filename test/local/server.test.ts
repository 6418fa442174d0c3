import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { listen } from '../../local/server.ts';

/** Sends bytes as they are and gives the whole answer. */
async function exchange(bytes: string): Promise<{ status: string; headers: string; body: unknown }> {
  const server = await listen('127.0.0.1', 0);
  onTestFinished(() => server.close(1000));
  server.answerWith((request) => Response.json({ path: new URL(request.url).pathname }));
  const socket = connect(server.port, '127.0.0.1');
  socket.write(bytes);
  const answer = await text(socket);
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  const [status = '', ...headers] = head.split('\r\n');
  return { status, headers: headers.join('\n').toLowerCase(), body: JSON.parse(body) };
}

test.each([
  ['what is not HTTP', 'hello\r\n\r\n', '400'],
  ['headers that are too large', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, '431'],
  ['a Host header that is none', 'GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n', '400'],
  ['no Host header', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', '400'],
  ['two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', '400'],
])('%s is answered in the envelope', async (_name, bytes, status) => {
  const answer = await exchange(bytes);
  expect(answer.status).toContain(` ${status} `);
  expect(answer.headers).toContain('content-type: application/json');
  expect(answer.headers).toContain('x-request-id: ');
  expect(answer.body).toMatchObject({ error: 'BAD_REQUEST', message: expect.any(String) });
});

test('and what is HTTP by who answers', async () => {
  const answer = await exchange('GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  expect(answer.body).toEqual({ path: '/a' });
});
