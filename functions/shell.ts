import { OpenAPIHono } from '@hono/zod-openapi';
import { bodyLimit } from 'hono/body-limit';
import { requestId } from 'hono/request-id';
import type { Context } from '../core/context.ts';
import { BODY_LIMIT } from './body.ts';
import { createErrorHandler, errorReply, RequestError } from './errors.ts';

export type Api = OpenAPIHono<{ Variables: { requestId: string } }>;

/** Adds one endpoint to an application. */
export type Register = (api: Api, context: Context) => void;

/** An application without endpoints: request ids, the body limit, errors in the envelope. */
export function createShell(context: Context): Api {
  const api: Api = new OpenAPIHono();
  api.use(requestId());
  api.use(
    bodyLimit({
      maxSize: BODY_LIMIT,
      onError: () => {
        throw new RequestError('PAYLOAD_TOO_LARGE', `the body is above ${BODY_LIMIT} bytes`);
      },
    }),
  );
  api.onError(createErrorHandler(context.log));
  api.notFound((c) => errorReply(c, 'NOT_FOUND', `no such route: ${c.req.path.slice(0, 200)}`));
  return api;
}
