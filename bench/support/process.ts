import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const root = join(import.meta.dirname, '../..');

export type Running = { readonly url: string; readonly process: ChildProcess; stop(): Promise<void> };

/** Starts one of our entries (or a bench's own server) and waits for its ready line. */
export async function startProcess(
  entry: string,
  settings: Readonly<Record<string, string>>,
): Promise<Running> {
  const child = spawn(process.execPath, [join(root, entry)], {
    env: { PATH: process.env.PATH, PORT: '0', ...settings },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const lines = createInterface({ input: child.stdout });
  const ready = await new Promise<string>((resolve, reject) => {
    lines.once('line', resolve);
    child.once('exit', () => reject(new Error(`${entry} did not start`)));
  });
  return {
    url: /https?:\/\/[^\s:]+:\d+/.exec(ready)?.[0] ?? '',
    process: child,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Runs a bench with a data directory of its own, which goes with it. */
export async function withDataDirectory<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'disklane-bench-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
