import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { EmulatorError } from './error.ts';
import { endMarked, MARK } from './marked.ts';

export type Running = {
  /** Its exit code, or the signal that ended it; rejects when the program cannot be started. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** Ends it and all it started: SIGTERM, SIGKILL after 10 s. Resolves when nothing is left. */
  stop(): Promise<void>;
};

export type ProcessOptions = {
  /** The whole environment. */
  readonly env: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Where standard output and standard error go: to ours, or into this file, anew. */
  readonly output: 'inherit' | { readonly file: string };
  /** A command that runs once nothing is left, for what it leaves: a container, a folder. */
  readonly lastly?: readonly [file: string, ...args: string[]];
};

/**
 * Starts a program in a process group of its own, so that the terminal's Ctrl-C reaches it through `stop` only. What
 * it started goes when it ends, and all of it goes with this process, however that ends: local/emulator/guard.ts.
 */
export function startProcess(file: string, args: readonly string[], options: ProcessOptions): Running {
  const mark = randomUUID();
  const { env, cwd, output, lastly } = options;
  const out = output === 'inherit' ? 'inherit' : openSync(output.file, 'w');
  const guard = startGuard(mark, lastly ?? []);
  const child = spawn(file, [...args], {
    cwd,
    env: { ...env, [MARK]: mark },
    stdio: ['ignore', out, out],
    detached: true,
  });
  if (typeof out === 'number') closeSync(out);
  const { pid } = child;
  if (pid !== undefined) guard.stdin.write(String(pid));

  const stopAll = async () => {
    if (pid !== undefined) {
      await endMarked({ group: pid, mark });
      if (lastly !== undefined) await runLast(lastly);
    }
    guard.kill('SIGKILL');
  };
  let stopping: Promise<void> | null = null;
  const stop = () => {
    stopping ??= stopAll();
    return stopping;
  };
  const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.once('error', (cause) => {
      stop().finally(() => reject(new EmulatorError(`${file} does not start`, { cause })));
    });
    child.once('exit', (code, signal) => {
      stop().then(() => resolve(code ?? signal ?? 'SIGKILL'), reject);
    });
  });
  ended.catch(() => {});
  return { ended, stop };
}

function startGuard(mark: string, lastly: readonly string[]): ChildProcessByStdio<Writable, null, null> {
  const guard = spawn(process.execPath, [join(import.meta.dirname, 'guard.ts'), mark, ...lastly], {
    // A mark that this process has itself is not the guard's: it outlives this one.
    env: { ...process.env, [MARK]: '' },
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  // Without it everything still ends when this process ends in order.
  guard.on('error', () => {});
  guard.stdin.on('error', () => {});
  guard.unref();
  return guard;
}

async function runLast([file, ...args]: readonly [string, ...string[]]): Promise<void> {
  // It may be gone already, which is all that is wanted.
  await promisify(execFile)(file, args).catch(() => {});
}
