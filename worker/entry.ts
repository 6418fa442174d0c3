import { StorageError } from '../core/errors.ts';
import { serviceNotifier } from './notify.ts';
import { SettingsError } from './settings.ts';

export type Started = { readonly ready: string; readonly stop: () => Promise<void> };

/**
 * Runs a service as a process: starts it, prints its one ready line, and stops it on SIGTERM or SIGINT with
 * exit code 0. A second signal ends the process at once. What keeps it from starting is said in one line.
 */
export async function runProcess(start: () => Promise<Started>): Promise<void> {
  let stopping = false;
  const notifier = serviceNotifier(process.env, (error) => {
    console.error(`disklane: the service manager was not told: ${explain(error)}`);
  });
  const signalled = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (stopping) process.exit(1);
        stopping = true;
        resolve();
      });
    }
  });
  try {
    const { ready, stop } = await start();
    console.log(ready);
    await notifier.ready();
    await signalled;
    await notifier.stopping();
    await stop();
    process.exit(0);
  } catch (error) {
    console.error(`disklane: ${explain(error)}`);
    process.exit(1);
  }
}

/** Known troubles in their own words and the system's; a programming error with its stack. */
/** An error in the words of a line for the operator. */
export function explain(error: unknown): string {
  if (error instanceof SettingsError || error instanceof StorageError) return withCause(error);
  if (error instanceof Error) return 'code' in error ? error.message : (error.stack ?? error.message);
  return String(error);
}

function withCause({ message, cause }: Error): string {
  return cause instanceof Error && !message.includes(cause.message)
    ? `${message}: ${cause.message}`
    : message;
}
