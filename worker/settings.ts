import { resolve } from 'node:path';
import { z } from 'zod';
import type { CoreSettings } from '../core/context.ts';
import { workerId } from '../core/job/document.ts';

const number = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be from ${min} to ${max}`);

const whole = (fallback: number, min: number, max: number) => number(min, max).default(fallback);

const name = z.string().regex(/^[A-Za-z0-9_-]{1,40}$/, 'must be 1 to 40 of A-Z a-z 0-9 _ -');

const names = z
  .string()
  .regex(
    /^[A-Za-z0-9_-]{1,40}(,[A-Za-z0-9_-]{1,40})*$/,
    'must be names of A-Z a-z 0-9 _ - with commas between',
  );

const labels = z
  .string()
  .regex(/^([^=,]{1,63}=[^=,]{0,256})(,[^=,]{1,63}=[^=,]{0,256})*$/, 'must be key=value with commas between')
  .transform((text) =>
    Object.fromEntries(text.split(',').map((pair) => pair.split('=') as [string, string])),
  );

const httpUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
  // Paths are put behind it.
  .regex(/^[^?#]*$/, 'must have no query and no fragment')
  .transform((url) => url.replace(/\/+$/, ''));

/** Settings that gateway and worker share, from the environment; README.md lists them. */
export const sharedSettings = {
  DISKLANE_DATA_DIR: z
    .string()
    .min(1)
    .default('./.disklane')
    .transform((path) => resolve(path)),
  DISKLANE_IMAGE_ROOTS: z
    .string()
    .default('./images')
    .transform((text) =>
      text
        .split(':')
        .filter((root) => root !== '')
        .map((root) => resolve(root)),
    ),
  DISKLANE_PUBLIC_URL: httpUrl.optional(),
  /** `embedded`: one machine's data directory; `aws`: DynamoDB, SQS and S3. */
  DISKLANE_PLATFORM: z.enum(['embedded', 'aws']).default('embedded'),
  /** Another service than AWS itself, LocalStack say. The region and the credentials are AWS's own settings. */
  DISKLANE_AWS_ENDPOINT: httpUrl.optional(),
  /** Where clients reach the bucket, when that is not where we do. */
  DISKLANE_AWS_PUBLIC_ENDPOINT: httpUrl.optional(),
  DISKLANE_AWS_PREFIX: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,19}$/, 'must be 1 to 20 of a-z 0-9 -, first a letter')
    .default('disklane'),
  DISKLANE_AWS_BUCKET: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be a bucket name')
    .optional(),
  /** Left out: 1 on one machine, 60 on AWS, where a schedule sweeps too. */
  DISKLANE_SWEEP_SECONDS: number(1, 3600).optional(),
  DISKLANE_POOLS: names.default('default').transform((text) => [...new Set(['default', ...text.split(',')])]),
  DISKLANE_LEASE_SECONDS: whole(30, 1, 3600),
  DISKLANE_MAX_CRASHES: whole(3, 1, 100),
  DISKLANE_MAX_JOBS: whole(1_000_000, 1, 100_000_000),
  DISKLANE_PRESIGN_SECONDS: whole(900, 1, 900),
  DISKLANE_LOG_LEVEL: z.enum(['info', 'warn', 'error', 'silent']).default('warn'),
};

/** Settings of a worker alone. */
export const workerOnlySettings = {
  DISKLANE_CONCURRENCY: whole(4, 1, 256),
  DISKLANE_WORKER_ID: workerId.optional(),
  DISKLANE_WORKER_POOL: name.default('default'),
  DISKLANE_WORKER_LABELS: labels.default({}),
  DISKLANE_MAX_DISK_GB: whole(65_536, 1, 65_536),
  DISKLANE_DRAIN_SECONDS: whole(30, 0, 86_400),
  DISKLANE_READER_MEMORY_MB: whole(256, 64, 16_384),
};

export const workerSettings = z.object({ ...sharedSettings, ...workerOnlySettings });
export type WorkerSettings = z.infer<typeof workerSettings>;

/** A worker is told of the gateway's settings too, and the other way round: one environment serves both. */
const everySetting = { ...sharedSettings, ...workerOnlySettings };

/** A setting that cannot be used; the message names it. */
export class SettingsError extends Error {}

/** Parses the environment; throws a SettingsError that names the first wrong or unknown setting. */
export function parseSettings<T extends z.ZodRawShape>(
  schema: z.ZodObject<T>,
  environment: Readonly<Record<string, string | undefined>>,
): z.infer<z.ZodObject<T>> {
  for (const name of Object.keys(environment)) {
    if (name.startsWith('DISKLANE_') && !Object.hasOwn(everySetting, name))
      throw new SettingsError(`${name}: no such setting`);
  }
  const parsed = schema.safeParse(environment);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new SettingsError(`${String(issue?.path[0])}: ${issue?.message}`);
}

export type SharedSettings = z.infer<z.ZodObject<typeof sharedSettings>>;

/** What the platform on AWS takes of the settings. */
export function awsOptions(settings: SharedSettings) {
  return {
    endpoint: settings.DISKLANE_AWS_ENDPOINT,
    publicEndpoint: settings.DISKLANE_AWS_PUBLIC_ENDPOINT,
    prefix: settings.DISKLANE_AWS_PREFIX,
    bucket: settings.DISKLANE_AWS_BUCKET,
    pools: settings.DISKLANE_POOLS,
  };
}

/** Milliseconds between two sweeps of one process. */
export function sweepMs(settings: SharedSettings): number {
  return 1000 * (settings.DISKLANE_SWEEP_SECONDS ?? (settings.DISKLANE_PLATFORM === 'aws' ? 60 : 1));
}

/** What core takes of the settings. */
export function coreSettings(settings: SharedSettings): CoreSettings {
  return {
    pools: settings.DISKLANE_POOLS,
    leaseMs: settings.DISKLANE_LEASE_SECONDS * 1000,
    maxCrashes: settings.DISKLANE_MAX_CRASHES,
    maxUnfinishedJobs: settings.DISKLANE_MAX_JOBS,
    presignSeconds: settings.DISKLANE_PRESIGN_SECONDS,
  };
}
