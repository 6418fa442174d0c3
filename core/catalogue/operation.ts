import type { z } from 'zod';
import type { Feature } from './features.ts';

/** What core knows of an operation: enough to accept, route, repeat and document it; never how it is done. */
export type Operation = {
  /** Namespaced, `guestkit.inspect`. */
  readonly name: string;
  /** The payload type it takes: `<name>.v<number>`. */
  readonly payloadType: string;
  /** Schema of `payload.data`. */
  readonly payload: z.ZodType;
  /** Schema of the result document of a completed job. */
  readonly result: z.ZodType;
  /** Features a worker needs to run it. */
  readonly features: readonly Feature[];
  /** Whether it may run again after a worker vanished in the middle: true when it changes nothing. */
  readonly safeToRepeat: boolean;
  /**
   * Checks that a schema cannot say; throws a ValidationError with the wanted code (UNSUPPORTED_OPTION).
   * `data` has been parsed by {@link payload}.
   */
  readonly refine?: (data: unknown) => void;
};
