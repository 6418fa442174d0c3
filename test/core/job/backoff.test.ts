import { expect, test } from 'vitest';
import { retryDelayMs } from '../../../core/job/backoff.ts';

test('doubles from 2 seconds to an hour, between half of it and the whole', () => {
  const failures = [0, 1, 2, 3, 10, 11, 12, 100, 5000];
  const most = failures.map((n) => retryDelayMs(n, 1) / 1000);
  expect(most).toEqual([2, 4, 8, 16, 2048, 3600, 3600, 3600, 3600]);
  const least = failures.map((n) => retryDelayMs(n, 0) / 1000);
  expect(least).toEqual(most.map((seconds) => seconds / 2));
});

test('is spread by the random number', () => {
  expect([0, 0.25, 0.5, 0.75].map((random) => retryDelayMs(1, random))).toEqual([2000, 2500, 3000, 3500]);
});
