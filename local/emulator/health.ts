import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { EmulatorError } from './error.ts';
import type { Running } from './process.ts';

/** Who answers at an endpoint, as LocalStack 4.14.0; no version when it says none. */
export type Emulator = { readonly name: string; readonly version: string | null };

/** A server that listens and does not answer in this time is one that we do not know, in milliseconds. */
const ANSWER_TIMEOUT_MS = 5000;

/** How often a starting emulator is asked, in milliseconds. */
const ASK_EVERY_MS = 100;

const healthSchema = z.object({ version: z.string().max(100), edition: z.string().max(100).optional() });

/** Drop-ins that answer on LocalStack's health path too, and what each says on a path of its own. */
const DROP_INS = { ministack: 'MiniStack', floci: 'Floci' };

/** Null when nothing listens there. */
export async function whoAnswers(endpoint: string): Promise<Emulator | null> {
  const health = await read(`${endpoint}/_localstack/health`);
  if (health === 'nothing listens') return null;
  const parsed = healthSchema.safeParse(health);
  if (!parsed.success) return { name: 'a server that is no LocalStack', version: null };
  const { version } = parsed.data;
  for (const [path, name] of Object.entries(DROP_INS)) {
    const own = await read(`${endpoint}/_${path}/health`);
    if (healthSchema.safeParse(own).success) return { name, version };
  }
  return { name: 'LocalStack', version };
}

/** As it is shown: MiniStack 1.5.33 */
export function nameOf({ name, version }: Emulator): string {
  return version === null ? name : `${name} ${version}`;
}

/** Refuses, by name and version, another one than is wanted. */
export function requireEmulator(found: Emulator, wanted: Emulator, endpoint: string): void {
  if (nameOf(found) === nameOf(wanted)) return;
  throw new EmulatorError(
    `${nameOf(wanted)} is wanted at ${endpoint}, and ${nameOf(found)} answers there: stop that first`,
  );
}

/**
 * Asks until the emulator that is starting answers; refuses when it ends before, when another one answers, and after
 * the patience.
 */
export async function untilHealthy(
  endpoint: string,
  wanted: Emulator,
  starting: Running,
  { patienceMs, signal }: { patienceMs: number; signal: AbortSignal },
): Promise<void> {
  const deadline = performance.now() + patienceMs;
  const ended = starting.ended.then((how) => {
    throw new EmulatorError(`${nameOf(wanted)} ended with ${how} before it was ready`);
  });
  // It is told by the race below, or it no longer matters.
  ended.catch(() => {});
  while (performance.now() < deadline) {
    signal.throwIfAborted();
    const found = await Promise.race([ended, whoAnswers(endpoint)]);
    // A version it does not say yet is no refusal: Docker accepts connections before the container does.
    if (found !== null && found.version !== null) return requireEmulator(found, wanted, endpoint);
    await Promise.race([ended, sleep(ASK_EVERY_MS)]);
  }
  throw new EmulatorError(
    `${nameOf(wanted)} does not answer at ${endpoint} after ${Math.round(patienceMs / 1000)} s`,
  );
}

/** The JSON of a 200; null for any other answer. */
async function read(url: string): Promise<unknown> {
  try {
    const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
    const text = await response.text();
    return response.status === 200 ? JSON.parse(text) : null;
  } catch (error) {
    return isRefused(error) ? 'nothing listens' : null;
  }
}

function isRefused(error: unknown): boolean {
  const { cause } = error instanceof Error ? error : {};
  return cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED';
}
