import { ValidationError } from './errors.ts';

/** Deepest nesting of arrays and objects that is accepted: far above any document, far below what recursion bears. */
export const JSON_DEPTH_LIMIT = 64;

/**
 * Refuses what the code behind a request could not treat faithfully: nesting that would exhaust the stack of
 * every recursive reader, and a `__proto__` key (however it was escaped), which is lost when its object is
 * copied. Throws a ValidationError. Itself it does not recurse.
 */
export function requirePlainJson(value: unknown): void {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    const next: unknown[] = [];
    for (const inner of level) {
      if (typeof inner !== 'object' || inner === null) continue;
      if (depth === JSON_DEPTH_LIMIT) {
        throw new ValidationError('', `is nested more than ${JSON_DEPTH_LIMIT} levels deep`);
      }
      if (Object.hasOwn(inner, '__proto__')) {
        throw new ValidationError('__proto__', 'is not allowed as a field');
      }
      for (const child of Object.values(inner)) next.push(child);
    }
    level = next;
  }
}
