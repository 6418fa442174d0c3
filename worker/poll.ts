import {
  type JobQueue,
  type Lane,
  type PriorityBand,
  priorityBands,
  type ReceivedMessage,
} from '../core/ports.ts';

export type Polled = { readonly lane: Lane; readonly received: ReceivedMessage };

/**
 * Takes up to `max` messages from a pool's lanes, high first. So that low ones do not starve, every 4th turn
 * begins with normal and every 8th with low. When all lanes are empty it waits on all of them at once; what
 * then comes in above `max` is released at once.
 */
export async function poll(
  queue: JobQueue,
  pool: string,
  {
    max,
    turn,
    waitSeconds,
    visibilitySeconds,
    signal,
  }: { max: number; turn: number; waitSeconds: number; visibilitySeconds: number; signal: AbortSignal },
): Promise<readonly Polled[]> {
  const lanes = order(turn).map((band) => ({ pool, band }));
  const polled: Polled[] = [];
  for (const lane of lanes) {
    if (polled.length >= max || signal.aborted) break;
    try {
      const found = await queue.receive(lane, {
        max: max - polled.length,
        waitSeconds: 0,
        visibilitySeconds,
        signal,
      });
      polled.push(...found.map((received) => ({ lane, received })));
    } catch (error) {
      // What was received is not lost over another lane's error: the next poll meets that error again.
      if (polled.length === 0) throw error;
      break;
    }
  }
  if (polled.length > 0 || signal.aborted) return polled;
  return waitForAny(queue, lanes, { max, waitSeconds, visibilitySeconds, signal });
}

function order(turn: number): readonly PriorityBand[] {
  if (turn % 8 === 7) return [...priorityBands].reverse();
  if (turn % 4 === 3) return ['normal', 'high', 'low'];
  return priorityBands;
}

async function waitForAny(
  queue: JobQueue,
  lanes: readonly Lane[],
  options: { max: number; waitSeconds: number; visibilitySeconds: number; signal: AbortSignal },
): Promise<readonly Polled[]> {
  const first = new AbortController();
  const signal = AbortSignal.any([options.signal, first.signal]);
  const waits = lanes.map(async (lane) => {
    const found = await queue.receive(lane, { ...options, signal });
    if (found.length > 0) first.abort();
    return found.map((received) => ({ lane, received }));
  });
  const settled = await Promise.allSettled(waits);
  const polled = settled.flatMap((wait) => (wait.status === 'fulfilled' ? wait.value : []));
  const failure = settled.find((wait) => wait.status === 'rejected');
  if (polled.length === 0 && failure !== undefined) throw failure.reason;
  const surplus = polled.slice(options.max);
  // A surplus message that cannot be released comes back when its visibility ends.
  await Promise.allSettled(surplus.map(({ lane, received }) => queue.release(lane, received.receipt, 0)));
  return polled.slice(0, options.max);
}
