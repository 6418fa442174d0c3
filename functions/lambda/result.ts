import { createEndpoint } from '../endpoint.ts';
import { registerResult } from '../result.ts';
import { context } from './context.ts';
import { serve } from './serve.ts';

export const handler = serve(createEndpoint(context, 'result', registerResult));
