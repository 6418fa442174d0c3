// Limits that every platform keeps alike; a caller that breaks one is wrong, so each throws a RangeError.

/** The longest delay of a message, in seconds. */
const DELAY_LIMIT = 900;

/** The longest a presigned URL may be valid, in seconds. */
export const LIFETIME_LIMIT = 900;

/** A message is delayed by 0 to 900 seconds. */
export function requireDelay(seconds: number): void {
  if (seconds >= 0 && seconds <= DELAY_LIMIT) return;
  throw new RangeError(`a message's delay is 0 to ${DELAY_LIMIT} seconds, found ${seconds}`);
}

/** A presigned URL is valid for 1 to 900 seconds. */
export function requireLifetime(seconds: number): void {
  if (seconds >= 1 && seconds <= LIFETIME_LIMIT) return;
  throw new RangeError(`a URL is valid for 1 to ${LIFETIME_LIMIT} seconds, found ${seconds}`);
}
