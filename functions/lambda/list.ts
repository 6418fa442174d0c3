import { createEndpoint } from '../endpoint.ts';
import { registerList } from '../list.ts';
import { context } from './context.ts';
import { serve } from './serve.ts';

export const handler = serve(createEndpoint(context, 'list', registerList));
