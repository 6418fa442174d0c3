import { z } from '@hono/zod-openapi';
import type { Context as HonoContext } from 'hono';
import { NotFoundError, ValidationError } from '../core/errors.ts';
import { readableJobId } from '../core/job/document.ts';
import { jobErrorCodes, jobPhases } from '../core/job/error.ts';
import { jobStatuses } from '../core/job/record.ts';

const time = z.iso.datetime().nullable();

/** The error envelope, for the API's documentation. */
export const errorEnvelope = z
  .object({ error: z.string(), message: z.string(), details: z.record(z.string(), z.unknown()).optional() })
  .openapi('Error');

/** A job as status and list show it. */
export const jobView = z
  .object({
    job_id: z.string(),
    status: z.enum(jobStatuses),
    submitted_at: time,
    started_at: time,
    completed_at: time,
    error: z.string().nullable(),
    operation: z.string(),
    namespace: z.string(),
    labels: z.record(z.string(), z.string()),
    attempt: z.number().int(),
    max_attempts: z.number().int(),
    priority: z.number().int(),
    worker_id: z.string().nullable(),
    progress: z.object({ percent: z.number(), phase: z.string(), message: z.string() }).nullable(),
    error_details: z
      .object({
        code: z.enum(jobErrorCodes),
        phase: z.enum(jobPhases),
        recoverable: z.boolean(),
        details: z.record(z.string(), z.unknown()),
      })
      .nullable(),
    cancel_requested: z.boolean(),
    not_before: time,
    waiting_for: z.string().nullable(),
  })
  .openapi('Job');

/** A success envelope around `data`, as a response of a route. */
export function success(description: string, data: z.ZodType) {
  return {
    description,
    content: { 'application/json': { schema: z.object({ success: z.literal(true), data }) } },
  };
}

/** The error responses of a route, by status. */
export function failures<S extends number>(...statuses: readonly S[]) {
  const response = {
    description: 'The request was refused; the envelope says why',
    content: { 'application/json': { schema: errorEnvelope } },
  };
  return Object.fromEntries(statuses.map((status) => [status, response])) as Record<S, typeof response>;
}

export const jobIdParam = z.object({
  job_id: z.string().openapi({ param: { name: 'job_id', in: 'path' }, example: 'inspect-vm-001' }),
});

/** The job id in the path; one that no job can have is not found rather than invalid. */
export function jobIdOf(c: HonoContext): string {
  const id = c.req.param('job_id') ?? '';
  if (!readableJobId.test(id)) throw new NotFoundError(`Job ${id.slice(0, 128)} not found`);
  return id;
}

/** The query's parameters. Throws a ValidationError for one that is there twice: all but one would be ignored. */
export function queryOf(c: HonoContext): Record<string, string> {
  const repeated = Object.entries(c.req.queries()).find(([, values]) => values.length > 1);
  if (repeated === undefined) return c.req.query();
  throw new ValidationError(
    repeated[0].slice(0, 128),
    'is given more than once',
    'VALIDATION_ERROR',
    'Request',
  );
}

/** A query parameter that is `true` or `false`. */
export function booleanQuery(fallback: boolean) {
  return z
    .enum(['true', 'false'], { error: 'must be true or false' })
    .transform((value) => value === 'true')
    .default(fallback);
}
