import { EmulatorError } from './error.ts';

/**
 * Runs a command as a process: its exit code is what `run` gives. SIGTERM and SIGINT abort the signal, and what `run`
 * makes of that is the end; a second one ends the process at once, and the guards end what it started.
 */
export async function runCommand(name: string, run: (signal: AbortSignal) => Promise<number>): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(1);
      stop.abort(new EmulatorError(`stopped by ${signal}`));
    });
  }
  try {
    process.exit(await run(stop.signal));
  } catch (error) {
    console.error(`${name}: ${explain(error)}`);
    process.exit(1);
  }
}

function explain(error: unknown): string {
  if (!(error instanceof EmulatorError)) {
    // What was waiting when the signal came says only that; the reason is its cause.
    const { cause } = error instanceof Error ? error : {};
    if (cause instanceof EmulatorError) return cause.message;
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const { message, cause } = error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}

/** Shows a line of a command's progress; standard output stays the command's own. */
export function sayTo(name: string): (line: string) => void {
  return (line) => console.error(`${name}: ${line}`);
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
