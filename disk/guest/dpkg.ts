import { type Name, textOf } from '../name.ts';
import type { Package } from './facts.ts';
import { part, text, textOrNull, trimmed, words } from './text.ts';

/**
 * States of a package that is unpacked and configured (deb-status, dpkg(1)): waiting for triggers changes
 * nothing about that. `unpacked`, `half-configured`, `half-installed` and `config-files` are not installed.
 */
const installed = new Set(['installed', 'triggers-awaited', 'triggers-pending']);

/** The fields that are kept; lines that continue one begin with a blank and belong to none of these. */
const kept = /^(package|status|version|architecture|source)[ \t]*:/i;

/**
 * The installed packages of a dpkg status file (deb-control(5) paragraphs), in its order. Only the few fields
 * needed are kept of each. Paragraphs without a Status are installed: distroless images keep such.
 */
export function* readStatus(lines: Iterable<Name>): Iterable<Package> {
  let fields = new Map<string, Name>();
  for (const line of lines) {
    if (line === '' || trimmed(line) === '') {
      yield* packageOf(fields);
      fields = new Map();
      continue;
    }
    const [start = '', field] = kept.exec(line) ?? [];
    if (field !== undefined) fields.set(field.toLowerCase(), trimmed(line.slice(start.length)));
  }
  yield* packageOf(fields);
}

function packageOf(fields: ReadonlyMap<string, Name>): Package[] {
  const name = fields.get('package');
  if (name === undefined || name === '') return [];
  const status = fields.get('status');
  if (status !== undefined && !installed.has(words(status)[2] ?? '')) return [];
  const arch = fields.get('architecture');
  // `Source: glibc (2.36-9)` gives the version too where it differs.
  const source = words(fields.get('source') ?? '')[0] ?? name;
  return [
    {
      ...text('name', name),
      ...textOrNull('version', fields.get('version') ?? null),
      arch: arch === undefined ? null : textOf(part(arch)),
      source: textOf(source),
    },
  ];
}
