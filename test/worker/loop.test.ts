import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { type LoopEffects, runLoop } from '../../worker/loop.ts';

/** A queue of numbers, and what became of each; a message is worked on until it is finished. */
function bench(messages: number[]) {
  const stopping = new AbortController();
  const running = new Map<number, () => void>();
  const events: string[] = [];
  let most = 0;
  const effects: LoopEffects<number> = {
    async poll(max, signal) {
      events.push(`poll ${max}`);
      while (messages.length === 0 && !signal.aborted) await delay(1);
      return signal.aborted ? [] : messages.splice(0, max);
    },
    handle: (message) =>
      new Promise((resolve) => {
        running.set(message, () => {
          running.delete(message);
          resolve();
        });
        most = Math.max(most, running.size);
      }),
    giveBack: async (message) => {
      events.push(`back ${message}`);
    },
    log: ({ message }) => events.push(message),
  };
  const finish = (message: number) => running.get(message)?.();
  return { effects, stopping, running, events, finish, most: () => most };
}

test('handles no more than its concurrency at a time, and takes the next as soon as one ends', async () => {
  const { effects, stopping, running, finish, most } = bench([1, 2, 3, 4, 5, 6, 7]);
  const loop = runLoop(3, effects, stopping.signal);
  await vi.waitFor(() => expect([...running.keys()]).toEqual([1, 2, 3]));
  finish(2);
  await vi.waitFor(() => expect([...running.keys()]).toEqual([1, 3, 4]));
  finish(1);
  finish(3);
  await vi.waitFor(() => expect([...running.keys()]).toEqual([4, 5, 6]));
  stopping.abort();
  for (const message of [4, 5, 6]) finish(message);
  await loop;
  expect(most()).toBe(3);
});

test('asks for as many messages as there are free places', async () => {
  const { effects, stopping, running, events, finish } = bench([1, 2]);
  const loop = runLoop(4, effects, stopping.signal);
  await vi.waitFor(() => expect(events).toEqual(['poll 4', 'poll 2']));
  stopping.abort();
  for (const message of [...running.keys()]) finish(message);
  await loop;
});

test('drains: takes nothing new, and ends when what it has in hand is done', async () => {
  const messages = [1, 2];
  const { effects, stopping, running, finish } = bench(messages);
  const loop = runLoop(2, effects, stopping.signal);
  await vi.waitFor(() => expect(running.size).toBe(2));
  messages.push(3);
  stopping.abort();
  finish(1);
  let ended = false;
  loop.then(() => {
    ended = true;
  });
  await delay(20);
  expect({ ended, waiting: messages }).toEqual({ ended: false, waiting: [3] });
  finish(2);
  await loop;
  expect(messages).toEqual([3]);
});

test('gives back what a poll still brought while it was stopping', async () => {
  const { effects, stopping, running, events } = bench([]);
  const late = async () => {
    stopping.abort();
    return [8, 9];
  };
  await runLoop(2, { ...effects, poll: late }, stopping.signal);
  expect(events).toEqual(['back 8', 'back 9']);
  expect(running.size).toBe(0);
});

describe('an error', () => {
  test('of a poll is logged and followed by a second of pause, which a stop ends', async () => {
    const stopping = new AbortController();
    const { effects, events } = bench([]);
    const polledAt: number[] = [];
    const poll = async () => {
      polledAt.push(performance.now());
      if (polledAt.length === 2) setTimeout(() => stopping.abort(), 20);
      throw new Error('no queue');
    };
    await runLoop(2, { ...effects, poll }, stopping.signal);
    const [first = 0, second = 0] = polledAt;
    expect(second - first).toBeGreaterThan(950);
    expect(performance.now() - second).toBeLessThan(900);
    expect(events).toEqual(['polling failed', 'polling failed']);
  });

  test('of a message is logged and frees its place', async () => {
    const { effects, stopping, running, events, finish } = bench([1, 2]);
    const handle = (message: number) =>
      message === 1 ? Promise.reject(new Error('broken')) : effects.handle(message);
    const loop = runLoop(1, { ...effects, handle }, stopping.signal);
    await vi.waitFor(() => expect([...running.keys()]).toEqual([2]));
    expect(events).toContain('a message was not handled');
    stopping.abort();
    finish(2);
    await loop;
  });
});
