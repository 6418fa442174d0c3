/** The entry of the reader child; bundled into the one script that it runs. */
import { inspect } from '../inspect.ts';
import { serve } from './serve.ts';
import { warm } from './warm.ts';

/** A small guest disk in base64, which the script of a spare declares before this one begins. */
declare const SAMPLE: string | undefined;

if (typeof SAMPLE !== 'undefined') warm(inspect, Buffer.from(SAMPLE, 'base64'));
serve(inspect);
