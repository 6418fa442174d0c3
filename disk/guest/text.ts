import { isUtf8, type Name, nameOf, textOf } from '../name.ts';

/** Part of a {@link Name}, which is a name again: slicing, splitting and trimming keep one character a byte. */
export function part(value: string): Name {
  return value as Name;
}

function isBlank(value: string, at: number): boolean {
  const code = value.charCodeAt(at);
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}

/**
 * The bytes without ASCII white space at both ends. By hand: String.trim takes the byte 0xA0 of a UTF-8
 * sequence for a blank, and a regular expression needs quadratic time on a long line of blanks.
 */
export function trimmed(value: string): Name {
  let from = 0;
  while (from < value.length && isBlank(value, from)) from++;
  return part(trimmedEnd(value.slice(from)));
}

/** See {@link trimmed}. */
export function trimmedEnd(value: string): Name {
  let to = value.length;
  while (to > 0 && isBlank(value, to - 1)) to--;
  return part(value.slice(0, to));
}

/** ASCII letters in lower case; other bytes belong to UTF-8 sequences. */
export function lowerCase(value: string): Name {
  return part(value.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()));
}

/** The words between runs of blanks. */
export function words(value: string): Name[] {
  const found: Name[] = [];
  for (let from = 0; from < value.length; from++) {
    if (isBlank(value, from)) continue;
    const start = from;
    while (from < value.length && !isBlank(value, from)) from++;
    found.push(part(value.slice(start, from)));
  }
  return found;
}

/** The lines of a file's bytes, without their ends; what of one is longer than `longest` is cut. */
export function linesOf(bytes: Uint8Array, longest = Number.POSITIVE_INFINITY): Name[] {
  return nameOf(bytes)
    .split('\n')
    .map((line) => part((line.endsWith('\r') ? line.slice(0, -1) : line).slice(0, longest)));
}

/** A guest's text as a field of the result and, where its bytes are not UTF-8, `<field>_base64` beside it. */
export type Text<F extends string> = { [K in F]: string } & { [K in `${F}_base64`]?: string };

/** See {@link Text}. */
export function text<F extends string>(field: F, value: Name): Text<F> {
  const fields = { [field]: textOf(value) };
  if (!isUtf8(value)) fields[`${field}_base64`] = Buffer.from(value, 'latin1').toString('base64');
  return fields as Text<F>;
}

/** {@link Text} that may be unknown: null. */
export type TextOrNull<F extends string> = { [K in F]: string | null } & { [K in `${F}_base64`]?: string };

/** See {@link TextOrNull}. An empty value is unknown as well. */
export function textOrNull<F extends string>(field: F, value: Name | null): TextOrNull<F> {
  if (value !== null && value !== '') return text(field, value);
  return { [field]: null } as TextOrNull<F>;
}

/** Text or null, for values that stand in a list or whose exact bytes nobody needs. */
export function plain(value: Name | null | undefined): string | null {
  return value === null || value === undefined || value === '' ? null : textOf(value);
}

/** A decimal number from 0 to `max`, or null. */
export function decimal(value: string | undefined, max: number): number | null {
  if (value === undefined || !/^[0-9]{1,15}$/.test(value)) return null;
  const number = Number(value);
  return number <= max ? number : null;
}

/** Appends all items. `push(...items)` puts them on the stack, which a guest's long list overflows. */
export function addAll<T>(to: T[], items: Iterable<T>): void {
  for (const item of items) to.push(item);
}

/** Appends to the list under a key. A new list for each item would make many items quadratic. */
export function addTo<K, V>(lists: Map<K, V[]>, key: K, item: V): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}

/** Bytewise order of names, the same on every machine. */
export function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * `KEY=value` lines as a shell reads them and os-release(5) restricts them: comments, quotes '…' and "…",
 * backslashes; no expansion. Later assignments win; lines that are none are passed over.
 */
export function assignments(lines: Iterable<Name>): Map<string, Name> {
  const found = new Map<string, Name>();
  for (const line of lines) {
    const match = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) found.set(match[1], unquoted(trimmed(match[2])));
  }
  return found;
}

function unquoted(value: string): Name {
  let out = '';
  let quote = '';
  for (let i = 0; i < value.length; i++) {
    const c = value.charAt(i);
    if (quote === "'") {
      if (c === "'") quote = '';
      else out += c;
    } else if (c === '\\' && (quote === '' || '"\\$`'.includes(value.charAt(i + 1)))) {
      out += value.charAt(++i);
    } else if (quote === '"') {
      if (c === '"') quote = '';
      else out += c;
    } else if (c === '"' || c === "'") {
      quote = c;
    } else if (c === ' ' || c === '\t') {
      break;
    } else {
      out += c;
    }
  }
  return part(out);
}
