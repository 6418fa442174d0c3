import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';

/** A real process that runs one of the scripts beside this file. */
export type Child = {
  /** The lines it has printed so far. */
  readonly lines: string[];
  /** Resolves with its next line; rejects when it ends before. */
  line(): Promise<string>;
  /** Resolves with its exit code, null when it was killed. */
  ended(): Promise<number | null>;
  kill(): Promise<void>;
};

export function startChild(script: string, ...args: string[]): Child {
  const process_ = spawn(process.execPath, [join(import.meta.dirname, script), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  const reader = createInterface({ input: process_.stdout });
  reader.on('line', (line) => lines.push(line));
  // 'close' comes when the output was read to its end, so no acknowledgement is missed.
  const closed = once(process_, 'close');
  onTestFinished(() => kill(process_, closed));
  return {
    lines,
    async line() {
      const [line] = await Promise.race([once(reader, 'line'), closed.then(() => [])]);
      if (typeof line !== 'string') throw new Error(`${script} ended early`);
      return line;
    },
    async ended() {
      const [code] = await closed;
      return code;
    },
    kill: () => kill(process_, closed),
  };
}

async function kill(child: ChildProcess, closed: Promise<unknown>): Promise<void> {
  child.kill('SIGKILL');
  await closed;
}
