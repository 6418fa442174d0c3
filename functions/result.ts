import { createRoute, z } from '@hono/zod-openapi';
import { parse } from '../core/parse.ts';
import { getResult } from '../core/use-cases/result.ts';
import { routes } from './routes.ts';
import { booleanQuery, failures, jobIdOf, jobIdParam, queryOf } from './schemas.ts';
import type { Register } from './shell.ts';

const query = z.strictObject({ inline: booleanQuery(true) });

const result = z.object({
  success: z.literal(true),
  data: z.record(z.string(), z.unknown()).nullable(),
  download: z.object({
    url: z.string(),
    expires_at: z.iso.datetime(),
    size_bytes: z.number().int(),
    sha256: z.string(),
    content_type: z.string(),
  }),
});

const route = createRoute({
  ...routes.result,
  summary: "A finished job's result",
  request: { params: jobIdParam, query },
  responses: {
    200: {
      description: 'The result document (null above 4 MiB) and a URL to download it from',
      content: { 'application/json': { schema: result } },
    },
    ...failures(400, 404, 409, 503),
  },
});

/** GET /api/v1/jobs/{job_id}/result */
export const registerResult: Register = (api, context) => {
  api.openAPIRegistry.registerPath(route);
  api.get(route.getRoutingPath(), async (c) => {
    const options = parse(query, queryOf(c), '', 'Request');
    const { document, download } = await getResult(context, jobIdOf(c), options);
    // The stored document is JSON text already; it goes into the reply as it is.
    const reply = `{"success":true,"data":${document ?? 'null'},"download":${JSON.stringify(download)}}`;
    return c.body(reply, 200, { 'Content-Type': 'application/json' });
  });
};
