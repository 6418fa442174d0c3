import { expect, test } from 'vitest';
import { createApi } from '../../functions/api.ts';
import { openRig } from '../core/support/rig.ts';

test('every endpoint is described, with its answers', async () => {
  const { context } = await openRig();
  const { paths } = createApi(context).getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: 'Disklane', version: '1' },
  });
  const described = Object.entries(paths ?? {}).flatMap(([path, item]) =>
    Object.entries(item).map(([method, { responses }]) => [`${method} ${path}`, Object.keys(responses)]),
  );
  expect(Object.fromEntries(described)).toEqual({
    'post /api/v1/jobs': ['200', '201', '400', '409', '413', '415', '429', '503'],
    'get /api/v1/jobs': ['200', '400', '503'],
    'get /api/v1/jobs/{job_id}': ['200', '400', '404', '503'],
    'get /api/v1/jobs/{job_id}/result': ['200', '400', '404', '409', '503'],
    'get /api/v1/capabilities': ['200', '503'],
    'get /api/v1/health': ['200', '503'],
  });
});
