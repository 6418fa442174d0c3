import { z } from 'zod';
import type { Operation } from './operation.ts';

const object = z.record(z.string(), z.json());

/** `system.echo`: gives back what it was given. Shows that submit, queue, worker and storage work. */
export const systemEcho: Operation = {
  name: 'system.echo',
  payloadType: 'system.echo.v1',
  payload: object,
  result: z.strictObject({ version: z.literal('1.0'), echo: object }),
  features: [],
  safeToRepeat: true,
};

export const testEchoPayload = z.strictObject({
  message: z.string().max(65_536).default(''),
  /** Milliseconds to run before answering. */
  delay_ms: z.number().int().min(0).max(3_600_000).default(0),
  /** When given, the job fails with this message instead of completing. */
  fail: z.strictObject({ message: z.string().max(1024), recoverable: z.boolean().default(false) }).optional(),
});
export type TestEchoPayload = z.infer<typeof testEchoPayload>;

/** `test.echo`: an echo that can take its time or fail, to try time-outs, retries and drains on a live fleet. */
export const testEcho: Operation = {
  name: 'test.echo',
  payloadType: 'test.echo.v1',
  payload: testEchoPayload,
  result: z.strictObject({ version: z.literal('1.0'), echo: z.strictObject({ message: z.string() }) }),
  features: [],
  safeToRepeat: true,
};
