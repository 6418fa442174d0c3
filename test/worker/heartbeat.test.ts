import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { JobProgress } from '../../core/job/record.ts';
import { LeaseLostError } from '../../core/use-cases/held-job.ts';
import { type Beating, Heartbeat } from '../../worker/heartbeat.ts';
import { sampleRecord } from '../core/support/samples.ts';

const LEASE_MS = 30_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A heartbeat over a store that answers as the test says, with what happened and when, in ms from the start. */
function bench(answer: (beat: number) => Promise<void> = () => Promise.resolve(), leaseMs = LEASE_MS) {
  const begun = performance.now();
  const beats: { at: number; progress: JobProgress | null }[] = [];
  const stops: { at: number; reason: string }[] = [];
  const record = { ...sampleRecord(), cancel_requested: false };
  let renewals = 0;
  const job: Beating = {
    get record() {
      return record;
    },
    heartbeat(progress) {
      beats.push({ at: performance.now() - begun, progress });
      return answer(beats.length);
    },
  };
  const heartbeat = new Heartbeat({
    job,
    leaseMs,
    renewed: () => {
      renewals += 1;
    },
    stop: (reason) => stops.push({ at: performance.now() - begun, reason }),
    log: () => undefined,
  });
  const told = () => beats.flatMap(({ at, progress }) => (progress === null ? [] : [[at, progress.percent]]));
  return {
    heartbeat,
    record,
    beats,
    stops,
    told,
    renewals: () => renewals,
    at: () => beats.map((b) => b.at),
  };
}

const percent = (value: number): JobProgress => ({ percent: value, phase: 'reading', message: '' });

test('renews at every third of the lease, and says so each time', async () => {
  const { at, renewals, stops, heartbeat } = bench();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(at()).toEqual([10_000, 20_000, 30_000, 40_000, 50_000, 60_000]);
  expect(renewals()).toBe(6);
  expect(stops).toEqual([]);
  await heartbeat.end();
});

test('tells progress soon, then the latest at most once a second', async () => {
  const { heartbeat, told } = bench();
  for (let n = 1; n <= 30; n++) {
    heartbeat.progress(percent(n));
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(told()).toEqual([
    [250, 3],
    [1250, 13],
    [2250, 23],
  ]);
  await vi.advanceTimersByTimeAsync(2000);
  expect(told()).toHaveLength(4);
  expect(told().at(-1)).toEqual([3250, 30]);
  await heartbeat.end();
});

test('a heartbeat that told progress has renewed the lease too', async () => {
  const { heartbeat, at } = bench();
  await vi.advanceTimersByTimeAsync(5000);
  heartbeat.progress(percent(1));
  await vi.advanceTimersByTimeAsync(10_300);
  expect(at()).toEqual([5250, 15_250]);
  await heartbeat.end();
});

test('progress that could not be told is told again', async () => {
  const { heartbeat, told } = bench((beat) =>
    beat === 1 ? Promise.reject(new Error('busy')) : Promise.resolve(),
  );
  heartbeat.progress(percent(7));
  await vi.advanceTimersByTimeAsync(3000);
  expect(told()).toEqual([
    [250, 7],
    [1250, 7],
  ]);
  await heartbeat.end();
});

test('a lost lease stops the job and the heartbeats', async () => {
  const { stops, at, heartbeat } = bench(() => Promise.reject(new LeaseLostError('lost')));
  await vi.advanceTimersByTimeAsync(25_000);
  expect(stops).toEqual([{ at: 10_000, reason: 'lease_lost' }]);
  expect(at()).toEqual([10_000]);
  await heartbeat.end();
});

test('a requested cancel is seen at the next heartbeat', async () => {
  const { record, stops, heartbeat } = bench();
  await vi.advanceTimersByTimeAsync(12_000);
  record.cancel_requested = true;
  await vi.advanceTimersByTimeAsync(7_999);
  expect(stops).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(stops).toEqual([{ at: 20_000, reason: 'cancel' }]);
  await heartbeat.end();
});

test('a store that never answers stops the job before its lease can end', async () => {
  const { stops } = bench(() => new Promise(() => undefined));
  await vi.advanceTimersByTimeAsync(LEASE_MS);
  expect(stops).toHaveLength(1);
  expect(stops[0]?.reason).toBe('lease_lost');
  expect(stops[0]?.at).toBeLessThan(LEASE_MS);
});

test('a store that fails is asked every second until just before the end of the lease', async () => {
  const { stops, at, renewals } = bench(() => Promise.reject(new Error('no store')));
  await vi.advanceTimersByTimeAsync(27_500);
  expect(at().slice(0, 4)).toEqual([10_000, 11_000, 12_000, 13_000]);
  expect(stops).toEqual([{ at: 27_000, reason: 'lease_lost' }]);
  expect(renewals()).toBe(0);
});

test('a store that fails for a while costs nothing; the lease counts from the last write that was sent', async () => {
  const { stops, at, heartbeat } = bench((beat) =>
    beat === 1 ? Promise.reject(new Error('busy')) : Promise.resolve(),
  );
  await vi.advanceTimersByTimeAsync(60_000);
  expect(at().slice(0, 3)).toEqual([10_000, 11_000, 21_000]);
  expect(stops).toEqual([]);
  await heartbeat.end();
});

test('a slow answer does not count as a renewal at its arrival', async () => {
  // The write is sent at 10 s, answered at 26 s: the lease it got ends at 40 s, so the self-stop is at 37 s.
  const { stops } = bench((beat) =>
    beat === 1 ? new Promise((resolve) => setTimeout(resolve, 16_000)) : new Promise(() => undefined),
  );
  await vi.advanceTimersByTimeAsync(60_000);
  expect(stops).toEqual([{ at: 37_000, reason: 'lease_lost' }]);
});

test('ends: waits for the heartbeat under way, and sends no other', async () => {
  let answered = false;
  const { heartbeat, at, stops } = bench(
    () =>
      new Promise((resolve) => {
        setTimeout(() => {
          answered = true;
          resolve();
        }, 500);
      }),
  );
  await vi.advanceTimersByTimeAsync(10_100);
  const ended = heartbeat.end().then(() => answered);
  heartbeat.progress(percent(1));
  await vi.advanceTimersByTimeAsync(100_000);
  expect(await ended).toBe(true);
  expect(at()).toEqual([10_000]);
  expect(stops).toEqual([]);
});
