import type { Context } from '../core/context.ts';
import { RequestError } from './errors.ts';
import { methodsOf, type Route, type RouteName, routes } from './routes.ts';
import { type Api, createShell, type Register } from './shell.ts';

/** One endpoint as an application of its own: what one function serves. */
export function createEndpoint(context: Context, name: RouteName, register: Register): Api {
  const api = createShell(context);
  register(api, context);
  refuseOtherMethods(api, [routes[name]]);
  return api;
}

/** No endpoint at all: 405 on every known path, 404 elsewhere. It needs nothing of a platform. */
export function createFallback(context: Pick<Context, 'log'>): Api {
  const api = createShell(context);
  refuseOtherMethods(api, Object.values(routes));
  return api;
}

/** A known path under another method is 405 with Allow, not 404. Called after the endpoints are there. */
export function refuseOtherMethods(api: Api, known: readonly Route[]): void {
  const methods = new Map<string, Set<string>>();
  for (const route of known) {
    const path = route.path.replaceAll(/\{(\w+)\}/g, ':$1');
    const allowed = methods.get(path) ?? new Set();
    for (const method of methodsOf(route)) allowed.add(method);
    methods.set(path, allowed);
  }
  for (const [path, allowed] of methods) {
    const allow = [...allowed].join(', ');
    api.all(path, (c) => {
      throw new RequestError('METHOD_NOT_ALLOWED', `${c.req.method} is not allowed here; use ${allow}`, {
        Allow: allow,
      });
    });
  }
}
