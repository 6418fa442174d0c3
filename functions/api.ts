import type { Context } from '../core/context.ts';
import { registerCapabilities } from './capabilities.ts';
import { refuseOtherMethods } from './endpoint.ts';
import { registerHealth } from './health.ts';
import { registerList } from './list.ts';
import { registerResult } from './result.ts';
import { type RouteName, routes } from './routes.ts';
import { type Api, createShell, type Register } from './shell.ts';
import { registerStatus } from './status.ts';
import { registerSubmit } from './submit.ts';

const endpoints: Readonly<Record<RouteName, Register>> = {
  submit: registerSubmit,
  list: registerList,
  status: registerStatus,
  result: registerResult,
  capabilities: registerCapabilities,
  health: registerHealth,
};

/** The whole of /api/v1. */
export function createApi(context: Context): Api {
  const api = createShell(context);
  for (const register of Object.values(endpoints)) register(api, context);
  refuseOtherMethods(api, Object.values(routes));
  return api;
}
