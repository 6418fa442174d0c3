import type { Name } from '../name.ts';
import { part, trimmed } from './text.ts';

export type IniSection = { readonly name: Name; readonly entries: readonly (readonly [Name, Name])[] };

/**
 * Sections of `key=value` lines, as systemd units and NetworkManager keyfiles have them (systemd.syntax(7)):
 * comments with `#` or `;`, a backslash at the end continues a line, sections and keys may repeat. What is none
 * of these is passed over.
 */
export function parseIni(lines: readonly Name[]): IniSection[] {
  const sections: { name: Name; entries: (readonly [Name, Name])[] }[] = [];
  let current: (typeof sections)[number] | null = null;
  // Pieces, joined once: taking the end off a growing line each time would be quadratic.
  let held: string[] = [];
  for (const raw of lines) {
    const comment = /^\s*[#;]/.test(raw);
    if (comment) continue;
    if (raw.endsWith('\\')) {
      held.push(raw.slice(0, -1));
      continue;
    }
    const line = held.length === 0 ? raw : [...held, raw].join(' ');
    held = [];
    const heading = /^\s*\[([^\]]*)\]\s*$/.exec(line)?.[1];
    const equals = line.indexOf('=');
    if (heading !== undefined) {
      current = { name: part(heading), entries: [] };
      sections.push(current);
    } else if (equals > 0 && current !== null) {
      current.entries.push([trimmed(line.slice(0, equals)), trimmed(line.slice(equals + 1))]);
    }
  }
  return sections;
}

/** All values of a key in the sections of a name, in order. An empty value forgets those before it. */
export function valuesOf(sections: readonly IniSection[], section: string, key: string): Name[] {
  let values: Name[] = [];
  for (const { name, entries } of sections) {
    if (name !== section) continue;
    for (const [entry, value] of entries) {
      if (entry !== key) continue;
      if (value === '') values = [];
      else values.push(value);
    }
  }
  return values;
}

/** The last value of a key, or null. */
export function lastOf(sections: readonly IniSection[], section: string, key: string): Name | null {
  return valuesOf(sections, section, key).at(-1) ?? null;
}
