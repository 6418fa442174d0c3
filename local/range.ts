import type { ByteRange } from '../core/ports.ts';

/**
 * The one range that a Range header asks for, both ends inclusive, cut to the size (RFC 9110 §14.1.2). Null means
 * the whole object: no header, another unit, a malformed one, or several ranges.
 */
export function rangeOf(
  header: string | undefined,
  size: number,
): Required<ByteRange> | 'unsatisfiable' | null {
  const [, first, last] = /^bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/i.exec(header ?? '') ?? [];
  if (first === undefined || last === undefined || first + last === '') return null;
  if (first === '') {
    const suffix = Math.min(Number(last), size);
    return suffix === 0 ? 'unsatisfiable' : { start: size - suffix, end: size - 1 };
  }
  const start = Number(first);
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== '' && Number(last) < start) return null;
  return start >= size ? 'unsatisfiable' : { start, end };
}
