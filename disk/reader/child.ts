/** The entry of the reader child; bundled into the one script that it runs. */
import { inspect } from '../inspect.ts';
import { serve } from './serve.ts';
import { warm } from './warm.ts';

/** A small guest disk in base64, which the parent declares in front of this script. */
declare const SAMPLE: string;

serve(inspect, () => warm(inspect, Buffer.from(SAMPLE, 'base64')));
