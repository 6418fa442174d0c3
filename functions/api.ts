import type { Context } from '../core/context.ts';
import { registerCapabilities } from './capabilities.ts';
import { RequestError } from './errors.ts';
import { registerHealth } from './health.ts';
import { registerList } from './list.ts';
import { registerResult } from './result.ts';
import { type Api, createShell, type Register } from './shell.ts';
import { registerStatus } from './status.ts';
import { registerSubmit } from './submit.ts';

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
