import { systemEcho, testEcho } from './echo.ts';
import { guestkitInspect } from './inspect.ts';
import type { Operation } from './operation.ts';

/** Every operation there is, by name. */
export const catalogue: ReadonlyMap<string, Operation> = new Map(
  [systemEcho, testEcho, guestkitInspect].map((operation) => [operation.name, operation]),
);
