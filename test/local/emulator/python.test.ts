import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { findPython } from '../../../local/emulator/python.ts';
import { scratch } from '../../support/scratch.ts';

/** What a Python says to the question, whatever it is called as. */
const python = (version: string, executable = '"$0"') => `echo "python ${version}" ${executable}`;
/** A shim of pyenv's, in a folder where its version is not chosen. */
const shim = 'echo "pyenv: python3.13: command not found" >&2; exit 127';
/** Debian's python3 without python3-venv. */
const withoutVenv = 'echo "ModuleNotFoundError: No module named \'ensurepip\'" >&2; exit 1';

/** A machine with these scripts; its PATH has the folders bin and shims, its home is the root. */
async function machine(scripts: Record<string, string>) {
  const root = await scratch();
  for (const [name, body] of Object.entries(scripts)) {
    const file = join(root, name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, `#!/bin/sh\n${body}\n`);
    await chmod(file, 0o755);
  }
  const env = { PATH: `${join(root, 'shims')}:${join(root, 'nowhere')}:${join(root, 'bin')}`, HOME: root };
  return { root, env };
}

test.for([
  ['python3 on PATH', { 'bin/python3': python('3.12.4') }, 'bin/python3', '3.12.4'],
  [
    'the measured version before others that PATH has first',
    {
      'shims/python3': python('3.15.1'),
      'shims/python3.14': python('3.14.1'),
      'bin/python3.13': python('3.13.0'),
    },
    'bin/python3.13',
    '3.13.0',
  ],
  [
    'one of pyenv, behind a shim that does not lead to it and a system that is too old',
    {
      'shims/python3.13': shim,
      'bin/python3': python('3.11.2'),
      '.pyenv/versions/3.11.7/bin/python3': python('3.11.7'),
      '.pyenv/versions/3.13.0/bin/python3': python('3.13.0'),
      '.pyenv/versions/3.12.1/bin/python3': python('3.12.1'),
    },
    '.pyenv/versions/3.13.0/bin/python3',
    '3.13.0',
  ],
  [
    'one of pyenv where `pyenv root` says',
    {
      'bin/pyenv': '[ "$1" = root ] && echo "$HOME/elsewhere"',
      'elsewhere/versions/3.12.1/bin/python3': python('3.12.1'),
    },
    'elsewhere/versions/3.12.1/bin/python3',
    '3.12.1',
  ],
  [
    'the next where the first has no venv',
    { 'shims/python3': withoutVenv, 'bin/python3': python('3.12.0') },
    'bin/python3',
    '3.12.0',
  ],
  [
    'a newer one than was measured, where there is no other',
    {
      '.pyenv/versions/3.15.0/bin/python3': python('3.15.0'),
      '.pyenv/versions/3.9.1/bin/python3': python('3.9.1'),
    },
    '.pyenv/versions/3.15.0/bin/python3',
    '3.15.0',
  ],
] as const)('takes %s', async ([, scripts, file, version]) => {
  const { root, env } = await machine(scripts);
  expect(await findPython(12, env)).toEqual({ file: join(root, file), version });
});

test('the interpreter behind a shim is taken, not the shim', async () => {
  const { env } = await machine({ 'shims/python3.13': python('3.13.0', '/opt/python/bin/python3.13') });
  expect(await findPython(12, env)).toEqual({ file: '/opt/python/bin/python3.13', version: '3.13.0' });
});

test('PYENV_ROOT goes before what pyenv says', async () => {
  const { root, env } = await machine({ 'mine/versions/3.12.1/bin/python3': python('3.12.1') });
  const found = await findPython(12, { ...env, PYENV_ROOT: join(root, 'mine') });
  expect(found.file).toBe(join(root, 'mine/versions/3.12.1/bin/python3'));
});

test('without any it says what to install', async () => {
  const { env } = await machine({});
  await expect(findPython(12, env)).rejects.toThrow(
    'Python 3.12 or newer with venv is needed; found none. Install one: apt-get install python3 python3-venv',
  );
});

test('it says what it found and why none of it will do', async () => {
  const { root, env } = await machine({
    'shims/python3.13': shim,
    'bin/python3': python('3.11.2'),
    '.pyenv/versions/3.8.18/bin/python3': python('3.8.18'),
  });
  await expect(findPython(12, env)).rejects.toThrow(
    `found ${root}/shims/python3.13 (does not run, or has no venv), ${root}/bin/python3 (3.11.2), ` +
      `${root}/.pyenv/versions/3.8.18/bin/python3 (3.8.18).`,
  );
});
