import type { Lane } from '../../core/ports.ts';

/** The longest delay of a message, in seconds. */
const DELAY_LIMIT = 900;

/** A lane as the tables name it. */
export function laneName({ pool, band }: Lane): string {
  return `${pool}/${band}`;
}

/** Throws a RangeError for a delay that is not 0 to 900 seconds. */
export function requireDelay(seconds: number): void {
  if (seconds >= 0 && seconds <= DELAY_LIMIT) return;
  throw new RangeError(`a message's delay is 0 to ${DELAY_LIMIT} seconds, found ${seconds}`);
}
