import { createRoute, z } from '@hono/zod-openapi';
import { checkHealth } from '../core/use-cases/health.ts';
import type { Register } from './api.ts';
import { failures, success } from './schemas.ts';

const route = createRoute({
  method: 'get',
  path: '/api/v1/health',
  summary: 'Whether the stores answer',
  responses: {
    200: success('They do', z.object({ status: z.literal('healthy'), timestamp: z.iso.datetime() })),
    ...failures(503),
  },
});

/** GET /api/v1/health */
export const registerHealth: Register = (api, context) => {
  api.openAPIRegistry.registerPath(route);
  api.get(route.path, async (c) => c.json({ success: true, data: await checkHealth(context) }));
};
