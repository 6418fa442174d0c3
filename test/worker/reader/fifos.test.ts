import { closeSync, fstatSync, readSync, writeSync } from 'node:fs';
import { mkdir, readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { makePipes, removeLeftOvers } from '../../../worker/reader/fifos.ts';
import { scratch } from '../../support/scratch.ts';

let temporary: string;
beforeEach(async () => {
  temporary = await scratch();
  vi.stubEnv('TMPDIR', temporary);
  onTestFinished(() => void vi.unstubAllEnvs());
});

test('two pipes of their own, blocking, that end when the last writer closes; and no name of them', async () => {
  const pipes = await makePipes();
  expect(await readdir(temporary)).toEqual([]);
  const bytes = Buffer.alloc(10);
  for (const [i, { read, write }] of pipes.entries()) {
    expect(fstatSync(read).isFIFO()).toBe(true);
    writeSync(write, `pipe ${i}`);
  }
  for (const [i, { read, write }] of pipes.entries()) {
    expect(bytes.toString('utf8', 0, readSync(read, bytes))).toBe(`pipe ${i}`);
    closeSync(write);
    expect(readSync(read, bytes)).toBe(0);
    closeSync(read);
  }
});

test('folders that a killed worker left are removed, those in use and those of others are not', async () => {
  for (const name of ['disklane-pipes-old', 'disklane-pipes-new', 'other-old']) {
    await mkdir(join(temporary, name, 'content'), { recursive: true });
    if (name.endsWith('old')) await utimes(join(temporary, name), 1, 1);
  }
  await removeLeftOvers();
  expect((await readdir(temporary)).sort()).toEqual(['disklane-pipes-new', 'other-old']);
});
