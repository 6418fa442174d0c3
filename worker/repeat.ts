import type { Log } from '../core/context.ts';

/**
 * Calls `task` every `periodMs`, never twice at a time; an error is logged and the next turn comes as usual.
 * The timer does not keep the process alive. Gives a function that stops it and waits for a turn under way.
 */
export function repeat(
  name: string,
  periodMs: number,
  task: () => Promise<unknown>,
  log: Log,
): () => Promise<void> {
  let current: Promise<void> | null = null;
  const turn = () => {
    current ??= task()
      .then(
        () => undefined,
        (error: unknown) => log({ level: 'error', message: `${name} failed`, error }),
      )
      .finally(() => {
        current = null;
      });
  };
  const timer = setInterval(turn, periodMs);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await current;
  };
}
