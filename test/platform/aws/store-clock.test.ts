import { expect, test } from 'vitest';
import { StoreClock } from '../../../platform/aws/store-clock.ts';

/** A host's clock and a store's that runs beside it. */
function pair(skewMs: number) {
  let host = 1_000_000_000_000;
  const clock = new StoreClock(() => host);
  return {
    clock,
    store: () => host + skewMs,
    wait: (ms: number) => {
      host += ms;
    },
    /** A request that takes so long there and back. */
    call(thereMs: number, backMs: number) {
      const received = clock.request();
      host += thereMs;
      const date = new Date(host + skewMs).toUTCString();
      host += backMs;
      received(date);
    },
  };
}

test.each([0, 400, -400])(
  'a host that is off by %i ms, less than a Date header tells, keeps its time',
  (skew) => {
    const { clock, store, call, wait } = pair(skew);
    for (let n = 0; n < 20; n++) {
      call(5, 5);
      expect(Math.abs(clock.now() - store())).toBeLessThanOrEqual(1000);
      wait(137);
    }
  },
);

test('a host that is right is not moved at all', () => {
  const { clock, store, call, wait } = pair(0);
  for (let n = 0; n < 20; n++) {
    call(3, 40);
    expect(clock.now()).toBe(store());
    wait(61);
  }
});

test.each([90_000, -90_000])(
  'a host that is off by %i ms is right to the second at once, and better with each reply',
  (skew) => {
    const { clock, store, call, wait } = pair(skew);
    call(10, 10);
    expect(Math.abs(clock.now() - store())).toBeLessThanOrEqual(1020);
    for (let n = 0; n < 50; n++) {
      wait(137);
      call(10, 10);
    }
    expect(Math.abs(clock.now() - store())).toBeLessThanOrEqual(160);
  },
);

test('a slow reply and one without a date move nothing', () => {
  const { clock, store, call } = pair(0);
  call(0, 60_000);
  call(60_000, 0);
  clock.request()(undefined);
  clock.request()('yesterday');
  expect(clock.now()).toBe(store());
});
