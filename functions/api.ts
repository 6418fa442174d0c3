import { OpenAPIHono } from '@hono/zod-openapi';
import { bodyLimit } from 'hono/body-limit';
import { requestId } from 'hono/request-id';
import type { Context } from '../core/context.ts';
import { BODY_LIMIT } from './body.ts';
import { registerCapabilities } from './capabilities.ts';
import { createErrorHandler, errorReply, RequestError } from './errors.ts';
import { registerHealth } from './health.ts';
import { registerList } from './list.ts';
import { registerResult } from './result.ts';
import { registerStatus } from './status.ts';
import { registerSubmit } from './submit.ts';

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

const endpoints: readonly Register[] = [
  registerSubmit,
  registerList,
  registerStatus,
  registerResult,
  registerCapabilities,
  registerHealth,
];

/** The whole of /api/v1. */
export function createApi(context: Context): Api {
  const api = createShell(context);
  for (const register of endpoints) register(api, context);
  refuseOtherMethods(api);
  return api;
}

/** A known path under another method is 405 with Allow, not 404. */
function refuseOtherMethods(api: Api): void {
  const methods = new Map<string, Set<string>>();
  for (const { path, method } of api.routes) {
    if (method === 'ALL') continue;
    methods.set(path, (methods.get(path) ?? new Set()).add(method));
  }
  for (const [path, allowed] of methods) {
    if (allowed.has('GET')) allowed.add('HEAD');
    const allow = [...allowed].join(', ');
    api.all(path, (c) => {
      throw new RequestError('METHOD_NOT_ALLOWED', `${c.req.method} is not allowed here; use ${allow}`, {
        Allow: allow,
      });
    });
  }
}
