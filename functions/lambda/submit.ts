import { createEndpoint } from '../endpoint.ts';
import { registerSubmit } from '../submit.ts';
import { context } from './context.ts';
import { serve } from './serve.ts';

export const handler = serve(createEndpoint(context, 'submit', registerSubmit));
