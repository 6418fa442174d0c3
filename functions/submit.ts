import { createRoute, z } from '@hono/zod-openapi';
import { jobDocument } from '../core/job/document.ts';
import { submit } from '../core/use-cases/submit.ts';
import { readJson } from './body.ts';
import { routes } from './routes.ts';
import { failures, success } from './schemas.ts';
import type { Register } from './shell.ts';
import { traceOf } from './trace.ts';

const submitted = z.object({ job_id: z.string(), status: z.literal('submitted'), message: z.string() });

// A plain JSON schema, so that the body is parsed once: by core, which also knows each operation's payload.
const { $schema: _, ...bodySchema } = z.toJSONSchema(jobDocument, { io: 'input', unrepresentable: 'any' });

const route = createRoute({
  ...routes.submit,
  summary: 'Submit a job',
  request: { body: { required: true, content: { 'application/json': { schema: bodySchema as object } } } },
  responses: {
    201: success('The job is recorded and will run', submitted),
    200: success('The same document was submitted before; nothing changed', submitted),
    ...failures(400, 409, 413, 415, 429, 503),
  },
});

/** POST /api/v1/jobs */
export const registerSubmit: Register = (api, context) => {
  api.openAPIRegistry.registerPath(route);
  api.post(route.path, async (c) => {
    const trace = traceOf((name) => c.req.header(name));
    const { job_id, created } = await submit(context, await readJson(c), { ...(trace && { trace }) });
    const data = { job_id, status: 'submitted', message: `Job ${job_id} submitted successfully` };
    c.header('Location', `/api/v1/jobs/${job_id}`);
    return c.json({ success: true, data }, created ? 201 : 200);
  });
};
