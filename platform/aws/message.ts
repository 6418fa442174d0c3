import { z } from 'zod';
import type { Feature } from '../../core/catalogue/features.ts';
import type { QueueMessage } from '../../core/ports.ts';

// Whoever may send to a queue writes a message's body: it is parsed, and what is no message of ours is put aside.

const name = z.string().max(1024);

/** Looser than what we send, so that a worker bears the messages of a newer version. */
const queueMessage: z.ZodType<QueueMessage> = z.object({
  job_id: z.string().min(1).max(128),
  requires: z.object({
    operation: name,
    // A feature this version does not know is one that this worker does not have.
    features: z.array(z.custom<Feature>((value) => typeof value === 'string')),
    pools: z.array(name),
    worker_id: name.nullable(),
    minimum_worker_version: name.nullable(),
    maximum_disk_size_gb: z.number().nullable(),
    privileged: z.boolean(),
    affinity: z.record(z.string(), z.string()),
    anti_affinity: z.record(z.string(), z.array(z.string())),
  }),
  trace_id: z.string().max(128).exactOptional(),
});

/** A message as SQS carries it: JSON in ASCII, since SQS refuses some characters and emulators refuse more. */
export function bodyOf(message: QueueMessage): string {
  return JSON.stringify(message).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The message of a body, or why it is none. */
export function parseBody(body: string): { readonly message: QueueMessage } | { readonly wrong: string } {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return { wrong: `the body of ${body.length} characters is no JSON` };
  }
  const parsed = queueMessage.safeParse(value);
  if (parsed.success) return { message: parsed.data };
  const [issue] = parsed.error.issues;
  return { wrong: `the body is no job's message: ${issue?.path.map(String).join('.')}: ${issue?.message}` };
}
