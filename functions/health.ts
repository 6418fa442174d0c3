import { setTimeout as delay } from 'node:timers/promises';
import { createRoute, z } from '@hono/zod-openapi';
import { StorageError } from '../core/errors.ts';
import { checkHealth } from '../core/use-cases/health.ts';
import { routes } from './routes.ts';
import { failures, success } from './schemas.ts';
import type { Register } from './shell.ts';

const route = createRoute({
  ...routes.health,
  summary: 'Whether the stores answer',
  responses: {
    200: success('They do', z.object({ status: z.literal('healthy'), timestamp: z.iso.datetime() })),
    ...failures(503),
  },
});

/** A store that is silent for this long does not answer, in milliseconds. */
const PATIENCE_MS = 5000;

/** GET /api/v1/health */
export const registerHealth: Register = (api, context) => {
  api.openAPIRegistry.registerPath(route);
  api.get(route.path, async (c) => {
    const patience = new AbortController();
    const silence = delay(PATIENCE_MS, undefined, { signal: patience.signal }).then(() => {
      throw new StorageError(`a store was silent for ${PATIENCE_MS} ms`);
    });
    try {
      return c.json({ success: true, data: await Promise.race([checkHealth(context), silence]) });
    } finally {
      patience.abort();
      silence.catch(() => {});
    }
  });
};
