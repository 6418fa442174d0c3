import { createFallback } from '../endpoint.ts';
import { log } from './log.ts';
import { serve } from './serve.ts';

/** What no other function serves: 404, or 405 on a path that has other methods. It reaches no store. */
export const handler = serve(createFallback({ log }));
