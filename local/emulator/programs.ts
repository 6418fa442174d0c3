import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/** Asking a program for its version may take this long, in milliseconds: a loaded machine, a cold disk. */
const ANSWER_TIMEOUT_MS = 20_000;

export type Environment = Readonly<Record<string, string | undefined>>;

/** Every executable of that name on PATH, first things first. */
export async function onPath(name: string, { PATH = '' }: Environment): Promise<string[]> {
  const found: string[] = [];
  for (const folder of PATH.split(delimiter).filter(Boolean)) {
    const file = join(folder, name);
    if (await isExecutable(file)) found.push(file);
  }
  return found;
}

export async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** What a program prints, standard output and standard error together; null when it fails or does not end. */
export async function answerOf(
  file: string,
  args: readonly string[],
  env: Environment,
): Promise<string | null> {
  return new Promise((resolve) => {
    execFile(
      file,
      [...args],
      { env: { ...env }, timeout: ANSWER_TIMEOUT_MS, killSignal: 'SIGKILL' },
      (error, stdout, stderr) => resolve(error === null ? stdout + stderr : null),
    );
  });
}
