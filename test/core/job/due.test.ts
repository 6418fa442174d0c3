import { expect, test } from 'vitest';
import { dueAt } from '../../../core/job/due.ts';
import { sampleRecord } from '../support/samples.ts';

const NOW = 1_000_000;
const pending = sampleRecord({}, { now: NOW });
const lease = { id: 'l', worker_id: 'w', ends_at: NOW + 30_000 };
const isoDeadline = NOW + 10_000;

test('a new job is looked at after 30 seconds', () => {
  expect(pending.due_at).toBe(NOW + 30_000);
});

test('the interval doubles with every message, up to an hour', () => {
  const intervals = [1, 2, 3, 4, 7, 8, 9, 50, 2000].map(
    (sends) => (dueAt({ ...pending, sends }, NOW) ?? 0) - NOW,
  );
  expect(intervals.map((ms) => ms / 1000)).toEqual([30, 60, 120, 240, 1920, 3600, 3600, 3600, 3600]);
});

test('a job that waits for a worker is looked at every second, however many messages it has had', () => {
  expect(dueAt({ ...pending, sends: 9, waiting_for: 'a live worker' }, NOW)).toBe(NOW + 1000);
});

test("after a back-off that a queue can delay, the message's interval counts from its end", () => {
  expect(dueAt({ ...pending, not_before: NOW + 900_000 }, NOW)).toBe(NOW + 930_000);
});

test('a back-off longer than any message delay is due at its end, since nobody but the sweeper sends then', () => {
  expect(dueAt({ ...pending, not_before: NOW + 900_001 }, NOW)).toBe(NOW + 900_001);
});

test('a lease is taken over 5 seconds after its end', () => {
  expect(dueAt({ ...pending, status: 'Running', lease }, NOW)).toBe(lease.ends_at + 5000);
});

test.each(['Pending', 'Running'] as const)('a deadline that comes first is due first (%s)', (status) => {
  const record = { ...pending, status, deadline: isoDeadline, lease: status === 'Running' ? lease : null };
  expect(dueAt(record, NOW)).toBe(isoDeadline);
  expect(dueAt({ ...record, deadline: NOW + 10_000_000 }, NOW)).toBeLessThan(NOW + 100_000);
});

test('a held job is due at its deadline only', () => {
  expect(dueAt({ ...pending, held: true }, NOW)).toBeNull();
  expect(dueAt({ ...pending, held: true, deadline: isoDeadline }, NOW)).toBe(isoDeadline);
});

test.each(['Completed', 'Failed', 'Cancelled'] as const)('a job that is %s is never due', (status) => {
  expect(dueAt({ ...pending, status, deadline: isoDeadline }, NOW)).toBeNull();
});
