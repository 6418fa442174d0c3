import { z } from 'zod';
import { sharedSettings, workerOnlySettings } from '../worker/settings.ts';

const port = z
  .string()
  .regex(/^\d{1,5}$/, 'must be a port number')
  .transform(Number)
  .refine((value) => value <= 65_535, 'must be a port number')
  .default(8080);

/** Every setting of the one-machine service, from the environment; README.md lists them. */
export const localSettings = z.object({
  HOST: z.string().min(1).default('127.0.0.1'),
  /** 0 takes a free port. */
  PORT: port,
  ...sharedSettings,
  ...workerOnlySettings,
});
export type LocalSettings = z.infer<typeof localSettings>;
