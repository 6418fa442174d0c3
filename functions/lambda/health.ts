import { createEndpoint } from '../endpoint.ts';
import { registerHealth } from '../health.ts';
import { context } from './context.ts';
import { serve } from './serve.ts';

export const handler = serve(createEndpoint(context, 'health', registerHealth));
