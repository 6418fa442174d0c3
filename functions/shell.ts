import { OpenAPIHono } from '@hono/zod-openapi';
import type { MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { requestId } from 'hono/request-id';
import type { Context } from '../core/context.ts';
import { BODY_LIMIT, refuseBody } from './body.ts';
import { createErrorHandler, errorReply } from './errors.ts';

export type Api = OpenAPIHono<{ Variables: { requestId: string } }>;

/** Adds one endpoint to an application. */
export type Register = (api: Api, context: Context) => void;

/** An application without endpoints: request ids, the body limit, errors in the envelope. */
export function createShell({ log }: Pick<Context, 'log'>): Api {
  const api: Api = new OpenAPIHono();
  api.use(requestId());
  api.use(limitBody());
  api.onError(createErrorHandler(log));
  api.notFound((c) => errorReply(c, 'NOT_FOUND', `no such route: ${c.req.path.slice(0, 200)}`));
  return api;
}

/**
 * Refuses a body above the limit. Hono's own limiter opens the body as a stream, which costs more than the rest
 * of a small request: it is asked only where the length is not announced.
 */
function limitBody(): MiddlewareHandler {
  const counting = bodyLimit({ maxSize: BODY_LIMIT, onError: refuseBody });
  return (c, next) => {
    if (c.req.header('transfer-encoding') !== undefined) return counting(c, next);
    return Number(c.req.header('content-length') ?? 0) > BODY_LIMIT ? refuseBody() : next();
  };
}
