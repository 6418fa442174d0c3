import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { requireEmulator, untilHealthy, whoAnswers } from '../../../local/emulator/health.ts';
import { startProcess } from '../../../local/emulator/process.ts';
import { whenHealthy } from '../../../local/emulator/started.ts';
import { scratch } from '../../support/scratch.ts';

const wanted = { name: 'LocalStack', version: '4.14.0' };
const never = new AbortController().signal;

/** A server on a free port of the loopback; it goes with the test. */
async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Answers 200 with JSON on these paths, and 404 on any other. */
function paths(bodies: Record<string, object>): RequestListener {
  return ({ url = '' }, response) => {
    const body = bodies[url];
    response.statusCode = body === undefined ? 404 : 200;
    response.end(body === undefined ? '<Error/>' : JSON.stringify(body));
  };
}

const localstack = (version: string) =>
  paths({ '/_localstack/health': { services: {}, edition: 'community', version } });

async function freeEndpoint(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

async function refusal(answer: RequestListener): Promise<string> {
  const endpoint = await serve(answer);
  const found = await whoAnswers(endpoint);
  expect(found).not.toBeNull();
  try {
    if (found !== null) requireEmulator(found, wanted, endpoint);
  } catch (error) {
    return error instanceof Error ? error.message.replace(endpoint, 'ENDPOINT') : String(error);
  }
  return 'taken';
}

test('nothing that listens is nobody', async () => {
  expect(await whoAnswers(await freeEndpoint())).toBeNull();
});

test('the wanted version is taken', async () => {
  expect(await refusal(localstack('4.14.0'))).toBe('taken');
});

test.for([
  ['another version', localstack('4.13.1'), 'LocalStack 4.13.1'],
  [
    'MiniStack, even when it says that version',
    paths({
      '/_localstack/health': { edition: 'light', version: '4.14.0' },
      '/_ministack/health': { edition: 'light', version: '4.14.0' },
    }),
    'MiniStack 4.14.0',
  ],
  [
    'Floci',
    paths({ '/_localstack/health': { version: '1.2.3' }, '/_floci/health': { version: '1.2.3' } }),
    'Floci 1.2.3',
  ],
  ['a server without that path', paths({}), 'a server that is no LocalStack'],
  [
    'a server that says no version',
    paths({ '/_localstack/health': { up: true } }),
    'a server that is no LocalStack',
  ],
  [
    'a server that cuts the connection',
    ((_, { socket }) => socket?.destroy()) satisfies RequestListener,
    'a server that is no LocalStack',
  ],
] as const)('%s is refused by name and version', async ([, answer, name]) => {
  expect(await refusal(answer)).toBe(
    `LocalStack 4.14.0 is wanted at ENDPOINT, and ${name} answers there: stop that first`,
  );
});

/** A process that stands for the emulator. */
async function program(script: string) {
  const output = { file: join(await scratch(), 'log') };
  const running = startProcess('/bin/sh', ['-c', script], { env: { PATH: process.env.PATH }, output });
  onTestFinished(() => running.stop());
  return { running, output };
}

test('a start is waited for until it says its version', async () => {
  let asked = 0;
  const endpoint = await serve((request, response) => {
    if (++asked < 5) request.socket.destroy();
    else localstack('4.14.0')(request, response);
  });
  const { running } = await program('exec sleep 1000');
  await untilHealthy(endpoint, wanted, running, { patienceMs: 20_000, signal: never });
  expect(asked).toBeGreaterThanOrEqual(5);
});

test('a start that ends says how, with the last lines of its log', async () => {
  const { running, output } = await program('echo one; echo "Address in use" >&2; exit 3');
  const endpoint = await freeEndpoint();
  await expect(whenHealthy(endpoint, wanted, running, output, never)).rejects.toThrow(
    /^LocalStack 4\.14\.0 ended with 3 before it was ready; .*:\none\nAddress in use$/s,
  );
});

test('a start is stopped when another one answers in its place', async () => {
  const endpoint = await serve(localstack('3.0.0'));
  const { running, output } = await program('exec sleep 1000');
  await expect(whenHealthy(endpoint, wanted, running, output, never)).rejects.toThrow(
    'LocalStack 3.0.0 answers',
  );
  expect(await running.ended).toBe('SIGTERM');
});

test('a start that never answers is given up', async () => {
  const endpoint = await freeEndpoint();
  const { running } = await program('exec sleep 1000');
  await expect(untilHealthy(endpoint, wanted, running, { patienceMs: 300, signal: never })).rejects.toThrow(
    `LocalStack 4.14.0 does not answer at ${endpoint} after 0 s`,
  );
});

test('a start is given up when it is told to', async () => {
  const { running, output } = await program('exec sleep 1000');
  const signal = AbortSignal.timeout(200);
  await expect(whenHealthy(await freeEndpoint(), wanted, running, output, signal)).rejects.toThrow('timeout');
  expect(await running.ended).toBe('SIGTERM');
});
