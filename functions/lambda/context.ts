import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { createContext } from '../../core/context.ts';
import { openAwsPlatform } from '../../platform/aws/platform.ts';
import { awsOptions, coreSettings, parseSettings, sharedSettings } from '../../worker/settings.ts';
import { log } from './log.ts';

const settings = parseSettings(z.object(sharedSettings), process.env);
const options = awsOptions(settings);

/** Made once in each cold start. An emulator names itself to its functions by the SDK's own AWS_ENDPOINT_URL. */
export const context = createContext(
  await openAwsPlatform({ ...options, endpoint: options.endpoint ?? process.env.AWS_ENDPOINT_URL }),
  { settings: coreSettings(settings), newId: randomUUID, random: Math.random, log },
);
