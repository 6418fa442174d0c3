/** The entry of the reader child; bundled into the one script that it runs. */
import { inspect } from '../inspect.ts';
import { serve } from './serve.ts';

serve(inspect);
