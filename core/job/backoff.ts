const FIRST_MS = 2000;
const LONGEST_MS = 3_600_000;

/**
 * Time before the next attempt after `failures` earlier ones: doubling from 2 s to an hour, with equal
 * jitter (between half and the whole of it). `random` is 0 up to 1.
 */
export function retryDelayMs(failures: number, random: number): number {
  const whole = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures, 20));
  return Math.round(whole / 2 + (whole / 2) * random);
}
