import type { Log } from '../core/context.ts';

const levels = ['info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof levels)[number];

/** One JSON object a line on standard error, from `level` up; errors with their code, message, stack and causes. */
export function createLog(level: LogLevel): Log {
  const least = levels.indexOf(level);
  return (event) => {
    if (levels.indexOf(event.level) < least) return;
    const { level, message, ...fields } = event;
    const line = { time: new Date().toISOString(), level, message, ...fields };
    process.stderr.write(`${JSON.stringify(line, (_key, value: unknown) => printable(value))}\n`);
  };
}

function printable(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (!(value instanceof Error)) return value;
  return { name: value.name, message: value.message, stack: value.stack, cause: value.cause };
}
