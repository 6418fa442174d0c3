import { copyFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { scratch } from '../support/scratch.ts';
import { descendants, type Program, sample, start, stillThere, urlOf } from './support.ts';

/** What a terminal would take as a command: escape, carriage return, and the like. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
const control = /[\x00-\x09\x0b-\x1f\x7f]/;

/** The demo with a folder for temporary files of its own, and every process it was seen to start. */
async function demo(...command: [file: string, ...args: string[]]) {
  const tmp = await scratch();
  const [file, ...args] = command;
  // The compile cache is npm's own, not the demo's.
  const settings = { TMPDIR: tmp, TERM: 'xterm-256color', NODE_DISABLE_COMPILE_CACHE: '1' };
  const program = start(file, args, settings);
  const processes = new Map<number, string>();
  let running = true;
  const watching = (async () => {
    while (running) {
      for (const [pid, name] of await descendants(program.pid)) {
        // One that has ended and is not reaped yet has no command line any more: keep the one it had.
        if (name !== '' || !processes.has(pid)) processes.set(pid, name);
      }
      await sleep(10);
    }
  })();
  program.ended.finally(() => {
    running = false;
  });
  /** What is left when it has ended. */
  const left = async () => {
    await program.ended;
    await watching;
    return { processes: await stillThere(processes), files: await readdir(tmp) };
  };
  return { program, processes, left };
}

const nothing = { processes: [], files: [] };

async function ends(program: Program): Promise<unknown> {
  return { code: await program.ended, stderr: program.stderr };
}

test('npm run demo, in a pipe: plain lines with the system and its packages, and nothing left', async () => {
  const { program, processes, left } = await demo('npm', 'run', 'demo');
  expect(await program.ended, program.stderr).toBe(0);
  expect(program.stdout).not.toMatch(control);
  expect(program.stdout).toContain(`  name          ${sample.product}\n`);
  expect(program.stdout).toContain(`  count         ${sample.packages} (deb)\n`);
  expect(program.stdout).toMatch(/^ {2}Completed$/m);
  expect(program.stdout).not.toContain('Warnings');
  expect(program.stdout).toMatch(
    /^The presigned download \(\d+ bytes\) matched its checksum, sha256 [0-9a-f]{64}\.$/m,
  );

  expect([...processes.values()]).toContainEqual(expect.stringContaining('--permission'));
  expect(await left()).toEqual(nothing);
  await expect(fetch(urlOf(program.stdout))).rejects.toThrow();
});

test('on a terminal: colours and a bar that moves', async () => {
  const line = `${process.execPath} local/demo/main.ts`;
  const { program, left } = await demo('script', '--quiet', '--return', '--command', line, '/dev/null');
  expect(await program.ended, program.stdout).toBe(0);
  expect(program.stdout).toContain('\u001b[1mSystem\u001b[22m');
  expect(program.stdout).toContain('\r\u001b[K');
  expect(program.stdout).toMatch(/━{28}.* 100 % {2}Completed/);
  expect(program.stdout).toContain(sample.product);
  expect(await left()).toEqual(nothing);
});

test('on a terminal: long lists break between words and stay in their column', async () => {
  const line = `stty cols 60; ${process.execPath} local/demo/main.ts`;
  const { program } = await demo('script', '--quiet', '--return', '--command', line, '/dev/null');
  expect(await program.ended, program.stdout).toBe(0);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are taken out.
  const lines = program.stdout.replace(/\u001b\[\d*[mK]/g, '').split('\r\n');
  const [begin, end] = [lines.indexOf('Packages'), lines.indexOf('Services')];
  const shown = lines.slice(begin + 1, end - 1);
  expect(shown.length).toBeGreaterThan(3);
  for (const text of shown) expect(text.length).toBeLessThanOrEqual(60);
  for (const text of shown.slice(2)) expect(text).toMatch(/^ {16}\S/);
});

test('a path is meant from where npm was called', async () => {
  const folder = await scratch();
  await copyFile(sample.image, join(folder, 'mine.qcow2'));
  const command = `cd '${folder}' && npm --prefix '${process.cwd()}' run demo -- mine.qcow2`;
  const { program } = await demo('sh', '-c', command);
  expect(await program.ended, program.stderr).toBe(0);
  expect(program.stdout).toContain(`Disklane inspects ${join(folder, 'mine.qcow2')}\n`);
});

test('more than one path is refused in one line', async () => {
  const { program } = await demo(process.execPath, 'local/demo/main.ts', 'a', 'b');
  const stderr = 'disklane demo: takes one path; put quotes around one with blanks\n';
  expect(await ends(program)).toEqual({ code: 1, stderr });
});

test('the path after -- is inspected, whatever its name', async () => {
  const image = join(await scratch(), 'a disk: number 1.qcow2');
  await copyFile(sample.image, image);
  const { program, left } = await demo(process.execPath, 'local/demo/main.ts', image);
  expect(await program.ended, program.stderr).toBe(0);
  expect(program.stdout).toContain(`Disklane inspects ${image}\n`);
  expect(program.stdout).toContain(sample.product);
  expect(await left()).toEqual(nothing);
});

test('a path that is not there, and a file that is no image, are one clear line and exit code 1', async () => {
  const none = await demo(process.execPath, 'local/demo/main.ts', '/no/such/disk.qcow2');
  expect(await ends(none.program)).toEqual({
    code: 1,
    stderr: 'disklane demo: /no/such/disk.qcow2 does not exist\n',
  });
  expect(none.program.stdout).toBe('');

  const empty = join(await scratch(), 'empty.qcow2');
  await writeFile(empty, '');
  const bad = await demo(process.execPath, 'local/demo/main.ts', empty);
  expect(await ends(bad.program)).toEqual({
    code: 1,
    stderr: expect.stringMatching(/^Failed: IMAGE_CORRUPT .*\n$/),
  });
  expect(await bad.left()).toEqual(nothing);
});

test.for(['SIGINT', 'SIGTERM'] as const)('%s ends it early, and it still leaves nothing', async (signal) => {
  const { program, left } = await demo(process.execPath, 'local/demo/main.ts');
  await program.ready();
  expect(await program.end(signal)).toBe(signal === 'SIGINT' ? 130 : 143);
  expect(program.stdout).not.toContain('The presigned download');
  expect(await left()).toEqual(nothing);
});
