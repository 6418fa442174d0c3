import { createRoute, z } from '@hono/zod-openapi';
import { parse } from '../core/parse.ts';
import { getJob } from '../core/use-cases/read.ts';
import { routes } from './routes.ts';
import { booleanQuery, failures, jobIdOf, jobIdParam, jobView, queryOf, success } from './schemas.ts';
import type { Register } from './shell.ts';

const query = z.strictObject({ document: booleanQuery(false) });

const route = createRoute({
  ...routes.status,
  summary: 'The status of a job',
  request: { params: jobIdParam, query },
  responses: {
    200: success(
      'The job as it stands; with ?document=true the accepted document too',
      jobView.extend({ document: z.record(z.string(), z.unknown()).optional() }),
    ),
    ...failures(400, 404, 503),
  },
});

/** GET /api/v1/jobs/{job_id} */
export const registerStatus: Register = (api, context) => {
  api.openAPIRegistry.registerPath(route);
  api.get(route.getRoutingPath(), async (c) => {
    const options = parse(query, queryOf(c), '', 'Request');
    return c.json({ success: true, data: await getJob(context, jobIdOf(c), options) });
  });
};
