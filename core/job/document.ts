import { z } from 'zod';
import { catalogue } from '../catalogue/catalogue.ts';
import { features } from '../catalogue/features.ts';
import { ValidationError } from '../errors.ts';
import { parse } from '../parse.ts';

/** Job ids as submitted: 8 to 128 characters, global. */
export const jobId = z
  .string()
  .min(8, 'must be at least 8 characters')
  .max(128, 'must be at most 128 characters')
  .regex(/^[A-Za-z0-9_:-][A-Za-z0-9._:-]*$/, 'must be of A-Z a-z 0-9 . _ : - and not start with a dot');

/** Job ids on routes that read: from 1 character on, since the second dialect allows shorter ones. */
export const readableJobId = /^[A-Za-z0-9_:-][A-Za-z0-9._:-]{0,127}$/;

const text = (max: number) => z.string().max(max);
const bytes = (max: number) =>
  z.string().refine((value) => Buffer.byteLength(value) <= max, `must be at most ${max} bytes`);
const timestamp = z.iso.datetime({ offset: true, error: 'must be an RFC 3339 date and time' });
const stringMap = (entries: number, keyMax: number, valueMax: number) =>
  z
    .record(bytes(keyMax).min(1), bytes(valueMax))
    .refine((map) => Object.keys(map).length <= entries, `must have at most ${entries} entries`);

/** A namespace: 1 to 63 of a-z 0-9 . - */
export const namespace = z.string().regex(/^[a-z0-9.-]{1,63}$/, 'must be 1 to 63 of a-z 0-9 . -');
const pool = z.string().regex(/^[A-Za-z0-9_-]{1,40}$/, 'must be 1 to 40 of A-Z a-z 0-9 _ -');
/** A worker's id: 1 to 128 of A-Z a-z 0-9 . _ - and not starting with a dot. */
export const workerId = z
  .string()
  .regex(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/, 'must be 1 to 128 of A-Z a-z 0-9 . _ -');
const semver = z
  .string()
  .max(64)
  .regex(
    /^\d{1,9}\.\d{1,9}\.\d{1,9}(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z.-]+)?$/,
    'must be a semantic version such as 1.2.3',
  );

const metadata = z.strictObject({
  name: text(256).optional(),
  namespace: namespace.optional(),
  labels: stringMap(32, 63, 256).optional(),
  annotations: stringMap(64, 256, 4096).optional(),
});

const execution = z
  .strictObject({
    idempotency_key: z.string().min(1).max(256).optional(),
    attempt: z.number().int().min(1).max(100).default(1),
    max_attempts: z.number().int().min(1).max(100).default(1),
    timeout_seconds: z.number().int().min(1).max(604_800).default(3600),
    deadline: timestamp.optional(),
    priority: z.number().int().min(1).max(10).default(5),
    cancellable: z.boolean().default(true),
    idempotent: z.boolean().default(true),
  })
  .refine((value) => value.attempt <= value.max_attempts, {
    path: ['attempt'],
    error: 'must not be above max_attempts',
  });

const constraints = z.strictObject({
  required_capabilities: z.array(z.enum(features)).max(32).default([]),
  required_features: z.array(z.enum(features)).max(32).default([]),
  minimum_worker_version: semver.optional(),
  maximum_disk_size_gb: z.number().int().min(1).max(1_048_576).optional(),
  require_privileged: z.boolean().default(false),
  allowed_worker_pools: z.array(pool).max(32).default([]),
});

const routing = z.strictObject({
  worker_id: workerId.optional(),
  worker_pool: pool.optional(),
  affinity: stringMap(32, 63, 256).optional(),
  anti_affinity: z
    .record(bytes(63).min(1), z.array(bytes(256)).max(32))
    .refine((map) => Object.keys(map).length <= 32, 'must have at most 32 entries')
    .optional(),
});

const observability = z.strictObject({
  trace_id: text(128).optional(),
  span_id: text(128).optional(),
  parent_span_id: text(128).optional(),
  correlation_id: text(256).optional(),
});

const audit = z.strictObject({
  submitted_by: text(256).optional(),
  submitted_from: text(256).optional(),
  authorization: z.strictObject({ method: text(64).optional(), subject: text(256).optional() }).optional(),
});

/** The job document, version 1.0, as it comes over the wire; parsing it fills in the defaults. */
export const jobDocument = z.strictObject({
  $schema: text(1024).optional(),
  version: z.literal('1.0', { error: 'must be "1.0"' }),
  job_id: jobId,
  kind: z.literal('VMOperation', { error: 'must be "VMOperation"' }),
  operation: z
    .string()
    .max(128)
    .regex(/^[^.]+\..+$/, 'must be namespaced (as in guestkit.inspect)'),
  created_at: timestamp,
  payload: z.strictObject({ type: z.string().max(160), data: z.record(z.string(), z.unknown()) }),
  metadata: metadata.optional(),
  execution: execution.prefault({}),
  constraints: constraints.prefault({}),
  routing: routing.prefault({}),
  observability: observability.optional(),
  audit: audit.optional(),
});
export type JobDocument = z.infer<typeof jobDocument> & { metadata: { namespace: string } };

/**
 * Parses a job document: its own schema, then its payload by the catalogue's schema for that operation.
 * Throws a ValidationError that names the first wrong field.
 *
 * @param defaultNamespace used when metadata.namespace is left out
 * @param pools the worker pools there are
 */
export function parseJobDocument(
  value: unknown,
  { defaultNamespace, pools }: { defaultNamespace: string; pools: readonly string[] },
): JobDocument {
  const document = parse(jobDocument, value);
  const operation = catalogue.get(document.operation);
  if (operation === undefined) {
    throw new ValidationError(
      'operation',
      `unknown operation; there are ${[...catalogue.keys()].join(', ')}`,
    );
  }
  if (document.payload.type !== operation.payloadType) {
    throw new ValidationError('payload.type', `must be "${operation.payloadType}" for ${operation.name}`);
  }
  const data = parse(operation.payload, document.payload.data, 'payload.data') as Record<string, unknown>;
  operation.refine?.(data);
  const { worker_pool } = document.routing;
  const { allowed_worker_pools } = document.constraints;
  requirePools('routing.worker_pool', worker_pool === undefined ? [] : [worker_pool], pools);
  requirePools('constraints.allowed_worker_pools', allowed_worker_pools, pools);
  if (
    worker_pool !== undefined &&
    allowed_worker_pools.length > 0 &&
    !allowed_worker_pools.includes(worker_pool)
  ) {
    throw new ValidationError('routing.worker_pool', 'is not among constraints.allowed_worker_pools');
  }
  return {
    ...document,
    payload: { type: document.payload.type, data },
    metadata: { ...document.metadata, namespace: document.metadata?.namespace ?? defaultNamespace },
  };
}

function requirePools(field: string, named: readonly string[], pools: readonly string[]): void {
  for (const name of named) {
    if (!pools.includes(name)) {
      throw new ValidationError(field, `unknown worker pool; there are ${pools.join(', ')}`);
    }
  }
}
