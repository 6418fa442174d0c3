import { EmulatorError } from './error.ts';
import { type Emulator, untilHealthy } from './health.ts';
import type { ProcessOptions, Running } from './process.ts';
import { tailOf } from './tool.ts';

/** An emulator that answers. */
export type Started = Running & { readonly endpoint: string };

/** On a machine that does much else, an emulator may take this long until it answers, in milliseconds. */
const START_PATIENCE_MS = 180_000;

/** What every emulator's start takes. */
export type StartOptions = {
  /** Shows a line of progress. */
  readonly say: (line: string) => void;
  /** Ends a set-up or a start that is under way; what has started is stopped by `stop`. */
  readonly signal: AbortSignal;
};

/** Waits until what is starting answers as it should; else stops it, and says the last lines of its log. */
export async function whenHealthy(
  endpoint: string,
  wanted: Emulator,
  starting: Running,
  output: ProcessOptions['output'],
  signal: AbortSignal,
): Promise<Started> {
  try {
    await untilHealthy(endpoint, wanted, starting, { patienceMs: START_PATIENCE_MS, signal });
    return { ...starting, endpoint };
  } catch (cause) {
    await starting.stop();
    if (!(cause instanceof EmulatorError) || signal.aborted || output === 'inherit') throw cause;
    throw new EmulatorError(
      `${cause.message}; its last lines (all in ${output.file}):\n${await tailOf(output.file)}`,
    );
  }
}
