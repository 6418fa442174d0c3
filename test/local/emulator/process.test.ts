import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { endMarked, MARK } from '../../../local/emulator/marked.ts';
import { startProcess } from '../../../local/emulator/process.ts';
import { scratch } from '../../support/scratch.ts';
import { start } from '../support.ts';

const tree = join(import.meta.dirname, 'children/tree.sh');
const owner = join(import.meta.dirname, 'children/owner.ts');

/** The process numbers that the tree says, leader first. */
function pidsIn(text: string): number[] {
  const pids = text.trim().split(' ').map(Number);
  expect(pids).toHaveLength(3);
  onTestFinished(() => {
    for (const pid of pids) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  });
  return pids;
}

/** A zombie, which its new parent has yet to reap, has no command line. */
function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1') !== '';
  } catch {
    return false;
  }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(10);
}

/** A tree that lives, and where it writes. */
async function startTree(how: string, lastly?: readonly [string, ...string[]]) {
  const file = join(await scratch(), 'out');
  const options = { env: { PATH: process.env.PATH }, output: { file } };
  const running = startProcess('/bin/sh', [tree, how], lastly ? { ...options, lastly } : options);
  onTestFinished(() => running.stop());
  await until(async () => (await readFile(file, 'utf8').catch(() => '')).endsWith('\n'));
  return { running, pids: pidsIn(await readFile(file, 'utf8')) };
}

test('stop ends the leader, its group, and what has a session of its own', async () => {
  const { running, pids } = await startTree('');
  expect(pids.map(isAlive)).toEqual([true, true, true]);
  await running.stop();
  expect(pids.map(isAlive)).toEqual([false, false, false]);
  expect(await running.ended).toBe('SIGTERM');
});

test('what does not hear SIGTERM is killed after the patience, not before', async () => {
  const mark = randomUUID();
  const child = spawn('/bin/sh', [tree, 'deaf'], {
    detached: true,
    env: { PATH: process.env.PATH, [MARK]: mark },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [text] = (await child.stdout.setEncoding('utf8').take(1).toArray()) as [string];
  const pids = pidsIn(text);
  const ended = endMarked({ group: child.pid ?? 0, mark }, 1500);
  await sleep(500);
  expect(pids.map(isAlive)).toEqual([true, true, true]);
  await ended;
  expect(pids.map(isAlive)).toEqual([false, false, false]);
  expect(child.signalCode).toBe('SIGKILL');
});

test('a leader that ends by itself tells its exit code, and takes with it what it left', async () => {
  const { running, pids } = await startTree('brief');
  expect(await running.ended).toBe(7);
  expect(pids.map(isAlive)).toEqual([false, false, false]);
});

test('the last command runs once, when nothing is left', async () => {
  const file = join(await scratch(), 'last');
  const { running, pids } = await startTree('', [
    '/bin/sh',
    '-c',
    'ps -e -o pid=,stat= | grep -v Z >> "$0"; echo end >> "$0"',
    file,
  ]);
  await Promise.all([running.stop(), running.stop()]);
  const lines = (await readFile(file, 'utf8')).split('\n').map((line) => line.trim().replace(/ .*/, ''));
  expect(lines.filter((line) => line === 'end')).toHaveLength(1);
  expect(pids.filter((pid) => lines.includes(String(pid)))).toEqual([]);
});

test('kill -9 of the one that started it leaves nothing, and the last command runs', async () => {
  const mark = join(await scratch(), 'mark');
  const program = start(process.execPath, [owner, tree, '', mark]);
  const pids = pidsIn(await program.ready());
  expect(pids.map(isAlive)).toEqual([true, true, true]);
  expect(existsSync(mark)).toBe(false);
  await program.end('SIGKILL');
  await until(() => !pids.some(isAlive) && existsSync(mark));
});

test('stop ends what the process has started in the same way, too', async () => {
  const folder = await scratch();
  const file = join(folder, 'out');
  const running = startProcess(process.execPath, [owner, tree, '', join(folder, 'mark')], {
    env: process.env,
    output: { file },
  });
  onTestFinished(() => running.stop());
  await until(async () => (await readFile(file, 'utf8')).endsWith('\n'));
  const pids = pidsIn(await readFile(file, 'utf8'));
  await running.stop();
  await until(() => !pids.some(isAlive) && existsSync(join(folder, 'mark')));
});

test('a program that is not there is said by name', async () => {
  const output = { file: join(await scratch(), 'out') };
  const running = startProcess('/nowhere/emulator', [], { env: {}, output });
  await expect(running.ended).rejects.toThrow('/nowhere/emulator does not start');
  await running.stop();
});
