import type { z } from 'zod';
import { ValidationError } from './errors.ts';

/**
 * Parses a value from outside. Throws a ValidationError that names the first field that breaks the schema,
 * by its path (`payload.data.image.path`, `disks[1].format`); an unknown field is named itself.
 */
export function parse<T>(schema: z.ZodType<T>, value: unknown, prefix = '', subject = 'Job'): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  if (issue === undefined) throw new ValidationError(prefix, 'is not valid', 'VALIDATION_ERROR', subject);
  const path: PropertyKey[] = [...issue.path];
  if (issue.code === 'unrecognized_keys') {
    path.push(issue.keys[0] ?? '');
    throw new ValidationError(fieldName(prefix, path), 'unknown field', 'VALIDATION_ERROR', subject);
  }
  throw new ValidationError(fieldName(prefix, path), issue.message, 'VALIDATION_ERROR', subject);
}

/** Names are cut: a hostile key must not come back at full length. */
function fieldName(prefix: string, path: readonly PropertyKey[]): string {
  let name = prefix;
  for (const step of path) {
    if (typeof step === 'number') name += `[${step}]`;
    else name += `${name === '' ? '' : '.'}${String(step).slice(0, 128)}`;
  }
  return name.slice(0, 512);
}
