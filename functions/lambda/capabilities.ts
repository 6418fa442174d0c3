import { registerCapabilities } from '../capabilities.ts';
import { createEndpoint } from '../endpoint.ts';
import { context } from './context.ts';
import { serve } from './serve.ts';

export const handler = serve(createEndpoint(context, 'capabilities', registerCapabilities));
