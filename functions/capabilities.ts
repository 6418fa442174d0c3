import { createRoute, z } from '@hono/zod-openapi';
import { capabilities } from '../core/use-cases/capabilities.ts';
import { routes } from './routes.ts';
import { failures, success } from './schemas.ts';
import type { Register } from './shell.ts';

const route = createRoute({
  ...routes.capabilities,
  summary: 'What the live workers can do',
  responses: {
    200: success(
      'The union over the live workers',
      z.object({
        worker_id: z.string(),
        operations: z.array(z.string()),
        features: z.array(z.string()),
        disk_formats: z.array(z.string()),
        max_concurrent_jobs: z.number().int(),
        max_disk_size_gb: z.number(),
        workers: z.array(z.record(z.string(), z.unknown())),
      }),
    ),
    ...failures(503),
  },
});

/** GET /api/v1/capabilities */
export const registerCapabilities: Register = (api, context) => {
  api.openAPIRegistry.registerPath(route);
  api.get(route.path, async (c) => c.json({ success: true, data: await capabilities(context) }));
};
