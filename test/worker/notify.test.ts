import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { repository, startEntry } from '../local/support.ts';

/** What systemd is to its services: a Unix socket for datagrams; prints each message as a line. */
const manager = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('listening', flush=True)
while True:
    message = s.recv(4096).decode()
    if message != 'BARRIER=1': print(message.strip(), flush=True)
`;

let folder: string;
let socket: ChildProcessByStdio<null, Readable, null>;
let said = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'disklane-test-'));
  socket = spawn('python3', ['-c', manager, join(folder, 'notify')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  socket.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await once(socket.stdout, 'data');
});

afterAll(async () => {
  socket.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

const settings = () => ({ DISKLANE_DATA_DIR: join(folder, 'data'), DISKLANE_IMAGE_ROOTS: repository });

test('a worker tells systemd that it is ready, that it lives, and that it stops', async () => {
  const worker = startEntry('worker/main.ts', {
    ...settings(),
    NOTIFY_SOCKET: join(folder, 'notify'),
    WATCHDOG_USEC: '300000',
  });
  await worker.ready();
  await expect.poll(() => said.match(/WATCHDOG=1/g)?.length ?? 0, { timeout: 20_000 }).toBeGreaterThan(2);
  expect(await worker.end('SIGTERM')).toBe(0);
  const lines = said.trim().split('\n');
  expect(lines[0]).toBe('listening');
  expect(lines[1]).toBe('READY=1');
  expect(lines).toContain('STOPPING=1');
  expect(worker.stderr).toBe('');
});

test('a service manager that does not listen is named, and the worker works', async () => {
  const worker = startEntry('worker/main.ts', { ...settings(), NOTIFY_SOCKET: join(folder, 'nobody') });
  await worker.ready();
  await expect.poll(() => worker.stderr, { timeout: 20_000 }).toContain('the service manager was not told');
  expect(await worker.end('SIGTERM')).toBe(0);
});
