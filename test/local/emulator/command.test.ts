import { join } from 'node:path';
import { expect, test } from 'vitest';
import { start } from '../support.ts';

const command = (how: string) =>
  start(process.execPath, [join(import.meta.dirname, 'children/command.ts'), how]);

test('the exit code is the command’s own', async () => {
  expect(await command('code').ended).toBe(3);
});

test('what keeps it from running is one line, and 1', async () => {
  const program = command('fails');
  expect(await program.ended).toBe(1);
  expect(program.stderr).toBe('command: there is no such thing\n');
});

test.for(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('%s stops it in order', async (signal) => {
  const program = command('waits');
  await program.ready();
  expect(await program.end(signal)).toBe(0);
  expect(program.stderr).toBe('');
});

test('work that a signal cut off says so, and is no success', async () => {
  const program = command('throws');
  await program.ready();
  expect(await program.end('SIGTERM')).toBe(1);
  expect(program.stderr).toBe('command: stopped by SIGTERM\n');
});

test('a second signal ends it at once', async () => {
  const program = command('hangs');
  await program.ready();
  program.child.kill('SIGTERM');
  // Two signals of one kind that come together are one.
  expect(await program.end('SIGINT')).toBe(1);
});
