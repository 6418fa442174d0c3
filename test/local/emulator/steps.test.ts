import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { openSteps, type Step } from '../../../local/emulator/steps.ts';
import { scratch } from '../../support/scratch.ts';
import { start } from '../support.ts';

const never = new AbortController().signal;

/** A step that counts its runs, and says what it found in its folder before it filled it. */
function step(inputs: readonly string[] = ['1']): Step & { runs: string[][] } {
  const runs: string[][] = [];
  return {
    id: 'install',
    doing: 'installing',
    inputs,
    runs,
    async run(folder) {
      runs.push(await readdir(folder));
      await writeFile(join(folder, 'made'), inputs.join());
    },
  };
}

/** One set-up of its own, as one run of a command has it. */
async function setUp(root: string, one: Step, signal = never): Promise<{ folder: string; said: string[] }> {
  const said: string[] = [];
  const steps = await openSteps(root, { say: (line) => said.push(line), signal });
  try {
    return { folder: await steps.do(one), said };
  } finally {
    steps.close();
  }
}

const attempts = async (root: string) =>
  (await readdir(root)).filter((name) => /^install-[0-9a-f]{8}$/.test(name));

test('a step that is complete is not done again, and is shown only when it is done', async () => {
  const root = join(await scratch(), 'new/root');
  const one = step();
  const first = await setUp(root, one);
  expect(first.said).toEqual(['installing …', expect.stringMatching(/^installing: done in \d+\.\d s$/)]);
  expect(await readFile(join(first.folder, 'made'), 'utf8')).toBe('1');
  expect(await setUp(root, one)).toEqual({ folder: first.folder, said: [] });
  expect(one.runs).toEqual([[]]);
});

test('other inputs do it again, in a folder of its own, and the old one goes', async () => {
  const root = await scratch();
  const first = await setUp(root, step(['1', '2']));
  const second = await setUp(root, step(['1', '3']));
  expect(second.folder).not.toBe(first.folder);
  expect(await readFile(join(second.folder, 'made'), 'utf8')).toBe('1,3');
  expect(await attempts(root)).toHaveLength(1);
});

test.for([
  ['the folder is gone', (_: string, folder: string) => rm(folder, { recursive: true })],
  ['the stamp is cut off', (root: string) => writeFile(join(root, 'install.json'), '{"inputs":["1"]')],
  ['the stamp is another thing', (root: string) => writeFile(join(root, 'install.json'), '{"folder":1}')],
] as const)('it is done again when %s', async ([, damage]) => {
  const root = await scratch();
  const one = step();
  const { folder } = await setUp(root, one);
  await damage(root, folder);
  const again = await setUp(root, one);
  expect(one.runs).toEqual([[], []]);
  expect(await readFile(join(again.folder, 'made'), 'utf8')).toBe('1');
  expect(await attempts(root)).toHaveLength(1);
});

test('a step that fails leaves no stamp, and is done again from nothing', async () => {
  const root = await scratch();
  const failing: Step = {
    ...step(),
    async run(folder) {
      await writeFile(join(folder, 'half'), '');
      throw new Error('no network');
    },
  };
  await expect(setUp(root, failing)).rejects.toThrow('no network');
  const one = step();
  await setUp(root, one);
  expect(one.runs).toEqual([[]]);
  expect(await attempts(root)).toHaveLength(1);
});

test('an abort in a step that pays no heed leaves no stamp either', async () => {
  const root = await scratch();
  const stop = new AbortController();
  const heedless: Step = { ...step(), run: async () => stop.abort(new Error('stopped')) };
  await expect(setUp(root, heedless, stop.signal)).rejects.toThrow('stopped');
  const one = step();
  await setUp(root, one);
  expect(one.runs).toEqual([[]]);
});

test('a set-up that is killed half-way is done again from nothing', async () => {
  const root = await scratch();
  const killed = start(process.execPath, [join(import.meta.dirname, 'children/setup.ts'), root]);
  expect(await killed.ready()).toBe('half done');
  const [left = ''] = await attempts(root);
  expect(await readdir(join(root, left))).toEqual(['half']);
  await killed.end('SIGKILL');
  const one = step();
  const { folder } = await setUp(root, one);
  expect(one.runs).toEqual([[]]);
  expect(await readdir(folder)).toEqual(['made']);
  expect(await attempts(root)).toHaveLength(1);
});

test('a second set-up waits until the first is gone, and can be stopped while it waits', async () => {
  const root = await scratch();
  const first = start(process.execPath, [join(import.meta.dirname, 'children/setup.ts'), root]);
  await first.ready();
  const stop = new AbortController();
  const stopped = setUp(root, step(), stop.signal);
  stopped.catch(() => {});
  const one = step();
  const said: string[] = [];
  const waiting = openSteps(root, { say: (line) => said.push(line), signal: never });
  await sleep(700);
  stop.abort();
  await expect(stopped).rejects.toThrow();
  expect(said).toEqual(['waiting for another set-up in the same folder']);
  await first.end('SIGKILL');
  const steps = await waiting;
  onTestFinished(() => steps.close());
  await steps.do(one);
  expect(one.runs).toEqual([[]]);
});

test('a root that is a file is an error, not a wait', async () => {
  const file = join(await scratch(), 'file');
  await writeFile(file, '');
  await expect(setUp(file, step())).rejects.toThrow('EEXIST');
  await mkdir(join(`${file}-2`, 'lock'), { recursive: true });
  await expect(setUp(`${file}-2`, step())).rejects.toThrow('unable to open database file');
});
