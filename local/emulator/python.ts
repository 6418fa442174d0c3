import { readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { EmulatorError } from './error.ts';
import { answerOf, type Environment, isExecutable, onPath } from './programs.ts';

export type Python = {
  /** The interpreter itself, never a shim of pyenv's, whose choice depends on the folder it is called in. */
  readonly file: string;
  /** As 3.13.0 */
  readonly version: string;
};

/** The minor versions of Python 3 that are looked for by name: first the one that the emulators were measured with. */
const NAMED = [13, 14, 12, 11];

/** What an emulator needs of it: to make virtual environments with pip in them (Debian packs that apart), and TLS. */
const QUESTION =
  'import ensurepip, ssl, sys, venv; print("python", "%d.%d.%d" % sys.version_info[:3], sys.executable)';

/** Looks for Python 3 of at least this minor version on PATH, then under pyenv. */
export async function findPython(oldestMinor: number, env: Environment = process.env): Promise<Python> {
  const seen: string[] = [];
  for (const file of await candidates(env)) {
    const python = await ask(file, env);
    if (python !== null && minorOf(python.version) >= oldestMinor) return python;
    seen.push(python === null ? `${file} (does not run, or has no venv)` : `${file} (${python.version})`);
  }
  throw new EmulatorError(
    `Python 3.${oldestMinor} or newer with venv is needed; ${seen.length === 0 ? 'found none' : `found ${seen.join(', ')}`}. ` +
      'Install one: apt-get install python3 python3-venv (Debian 13), or pyenv install 3.13',
  );
}

/** Files that may be a fitting Python, best first. */
async function candidates(env: Environment): Promise<string[]> {
  const installed = await underPyenv(env);
  const named = await Promise.all(
    NAMED.map(async (minor) => [
      ...(await onPath(`python3.${minor}`, env)),
      ...installed.filter(({ version }) => minorOf(version) === minor).map(({ file }) => file),
    ]),
  );
  return [
    ...new Set([...named.flat(), ...(await onPath('python3', env)), ...installed.map(({ file }) => file)]),
  ];
}

/** The Pythons that pyenv has installed, chosen by a .python-version or not; newest first. */
async function underPyenv(env: Environment): Promise<Python[]> {
  const { HOME = homedir(), PYENV_ROOT } = env;
  const [pyenv] = await onPath('pyenv', env);
  const told = pyenv === undefined ? null : await answerOf(pyenv, ['root'], env);
  const versions = join(PYENV_ROOT ?? told?.trim() ?? join(HOME, '.pyenv'), 'versions');
  const names = (await readdir(versions).catch(() => [])).filter((name) => /^3\.\d+\.\d+$/.test(name));
  const pythons = names.map((version) => ({ version, file: join(versions, version, 'bin/python3') }));
  const there = await Promise.all(pythons.map(({ file }) => isExecutable(file)));
  return pythons.filter((_, n) => there[n]).sort((a, b) => minorOf(b.version) - minorOf(a.version));
}

async function ask(file: string, env: Environment): Promise<Python | null> {
  const answer = await answerOf(file, ['-I', '-c', QUESTION], env);
  const [, version, executable] = /^python (3\.\d+\.\d+) (.+)$/m.exec(answer ?? '') ?? [];
  return version === undefined || executable === undefined ? null : { file: executable, version };
}

function minorOf(version: string): number {
  return Number(version.split('.')[1]);
}
