import { setTimeout as sleep } from 'node:timers/promises';

/** Waits before the nth repetition of what DynamoDB did in part: 50 ms, doubled each time, and a part of it by chance. */
export async function pause(attempt: number): Promise<void> {
  await sleep(50 * 2 ** (attempt - 1) * (0.5 + Math.random() / 2));
}
