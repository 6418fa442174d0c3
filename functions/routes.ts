/** Every endpoint's method and path, as data: the endpoints, the answer to other methods and infra/ build from it. */
export const routes = {
  submit: { method: 'post', path: '/api/v1/jobs' },
  list: { method: 'get', path: '/api/v1/jobs' },
  status: { method: 'get', path: '/api/v1/jobs/{job_id}' },
  result: { method: 'get', path: '/api/v1/jobs/{job_id}/result' },
  capabilities: { method: 'get', path: '/api/v1/capabilities' },
  health: { method: 'get', path: '/api/v1/health' },
} as const;

export type RouteName = keyof typeof routes;

export type Route = { readonly method: string; readonly path: string };

/** The methods a route answers, in capitals: what answers GET answers HEAD. */
export function methodsOf({ method }: Route): readonly string[] {
  return method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()];
}
