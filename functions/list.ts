import { createRoute, z } from '@hono/zod-openapi';
import { namespace } from '../core/job/document.ts';
import { jobStatuses } from '../core/job/record.ts';
import { parse } from '../core/parse.ts';
import type { JobFilter } from '../core/ports.ts';
import { listJobs } from '../core/use-cases/read.ts';
import { routes } from './routes.ts';
import { failures, jobView, queryOf, success } from './schemas.ts';
import type { Register } from './shell.ts';

const time = z.iso.datetime({ offset: true, error: 'must be an RFC 3339 date and time' });

const query = z.strictObject({
  status: z.enum(jobStatuses).optional(),
  operation: z.string().max(128).optional(),
  namespace: namespace.optional(),
  label: z
    .string()
    .regex(/^[^:]{1,63}:.{0,256}$/s, 'must be key:value')
    .optional(),
  submitted_after: time.optional(),
  submitted_before: time.optional(),
  limit: z
    .string()
    .regex(/^\d{1,4}$/, 'must be a whole number from 1 to 1000')
    .transform(Number)
    .refine((limit) => limit >= 1 && limit <= 1000, 'must be a whole number from 1 to 1000')
    .default(100),
  page_token: z.string().max(1024).optional(),
});

const route = createRoute({
  ...routes.list,
  summary: 'List jobs, newest first',
  responses: {
    200: success(
      'A page of jobs; `total` counts the jobs in this answer',
      z.object({ jobs: z.array(jobView), total: z.number().int(), next_page_token: z.string().optional() }),
    ),
    ...failures(400, 503),
  },
});

/** GET /api/v1/jobs */
export const registerList: Register = (api, context) => {
  // The parameters are described here and parsed by core's parse, whose errors name the field.
  api.openAPIRegistry.registerPath({ ...route, request: { query } });
  api.get(route.path, async (c) => {
    const { limit, page_token, ...filters } = parse(query, queryOf(c), '', 'Request');
    const page = await listJobs(context, filterOf(filters), limit, page_token ?? null);
    const next = page.next === null ? '' : `,"next_page_token":${JSON.stringify(page.next)}`;
    const data = `{"jobs":[${page.items.join(',')}],"total":${page.items.length}${next}}`;
    return c.body(`{"success":true,"data":${data}}`, 200, { 'Content-Type': 'application/json' });
  });
};

function filterOf(filters: Omit<z.infer<typeof query>, 'limit' | 'page_token'>): JobFilter {
  const { status, operation, namespace, label, submitted_after, submitted_before } = filters;
  const colon = label?.indexOf(':') ?? -1;
  return {
    ...(status !== undefined && { status }),
    ...(operation !== undefined && { operation }),
    ...(namespace !== undefined && { namespace }),
    ...(label !== undefined && { label: { key: label.slice(0, colon), value: label.slice(colon + 1) } }),
    ...(submitted_after !== undefined && { submittedAfter: Date.parse(submitted_after) }),
    ...(submitted_before !== undefined && { submittedBefore: Date.parse(submitted_before) }),
  };
}
