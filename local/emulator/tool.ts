import { readFile } from 'node:fs/promises';
import { EmulatorError } from './error.ts';
import { startProcess } from './process.ts';

/** Lines of a failed tool's output that its error shows. */
const SHOWN_LINES = 15;

/** Runs a tool of a set-up to its end, with its output in a file; on abort it is ended with all it started. */
export async function runTool(
  file: string,
  args: readonly string[],
  { log, env, signal }: { log: string; env: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<void> {
  signal.throwIfAborted();
  const tool = startProcess(file, args, { env, output: { file: log } });
  const onAbort = () => void tool.stop();
  signal.addEventListener('abort', onAbort);
  try {
    const ended = await tool.ended;
    signal.throwIfAborted();
    if (ended !== 0) {
      throw new EmulatorError(`${file} ended with ${ended}:\n${await tailOf(log)}\n(all of it in ${log})`);
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** The last lines of a log. */
export async function tailOf(log: string): Promise<string> {
  const text = await readFile(log, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-SHOWN_LINES).join('\n');
}
