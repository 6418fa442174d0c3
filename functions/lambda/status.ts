import { createEndpoint } from '../endpoint.ts';
import { registerStatus } from '../status.ts';
import { context } from './context.ts';
import { serve } from './serve.ts';

export const handler = serve(createEndpoint(context, 'status', registerStatus));
