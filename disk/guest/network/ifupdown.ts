import { type Name, textOf } from '../../name.ts';
import { addAll, part, words } from '../text.ts';
import type { GuestTree } from '../tree.ts';
import { type Found, found, prefixOf } from './interface.ts';

/** Files read in all; `source` lines may name each other in a circle. */
const maxFiles = 256;

/** The interfaces of interfaces(5): one for each name and file, its address families together. */
export function readIfupdown(tree: GuestTree): Found[] {
  const interfaces = new Map<string, Found>();
  const files: Name[] = [part('/etc/network/interfaces')];
  const seen = new Set<Name>();
  // A queue instead of recursion: files of a circle are met again and passed over.
  for (let file = files.shift(); file !== undefined && seen.size < maxFiles; file = files.shift()) {
    if (seen.has(file)) continue;
    seen.add(file);
    addAll(files, readFile(tree, file, interfaces));
  }
  return [...interfaces.values()];
}

/** Reads one file's stanzas; gives the files that it sources. */
function readFile(tree: GuestTree, file: Name, interfaces: Map<string, Found>): Name[] {
  const sourced: Name[] = [];
  let sources = 0;
  let current: Found | null = null;
  for (const line of continued(tree.lines(file))) {
    const [keyword, ...values] = words(line);
    const [first, second, third] = values;
    if (keyword === undefined || keyword.startsWith('#')) continue;
    if (keyword === 'iface' && first !== undefined) {
      const key = JSON.stringify([first, file]);
      current = interfaces.get(key) ?? found(textOf(first), file);
      interfaces.set(key, current);
      if (second === 'inet' || second === 'inet6') current.methods.push(textOf(third ?? part('manual')));
    } else if (keyword.startsWith('source') && sources++ >= maxFiles) {
      // Each may list a large directory.
    } else if (keyword === 'source' && first !== undefined) {
      addAll(sourced, matching(tree, inFolderOf(file, first)));
    } else if (keyword === 'source-directory' && first !== undefined) {
      const folder = inFolderOf(file, first);
      for (const { name } of tree.list(folder)) {
        if (/^[A-Za-z0-9_-]+$/.test(name)) sourced.push(part(`${folder}/${name}`));
      }
    } else if (/^(?:auto|allow-.*|mapping|no-.*|rename)$/.test(keyword)) {
      current = null;
    } else if (current !== null && first !== undefined) {
      option(current, keyword, values.map(textOf));
    }
  }
  return sourced;
}

function option(of: Found, keyword: string, values: readonly string[]): void {
  const [value = ''] = values;
  const last = of.addresses.length - 1;
  switch (keyword) {
    case 'address':
      of.addresses.push(value);
      break;
    case 'netmask': {
      const prefix = prefixOf(value);
      const address = of.addresses[last];
      if (prefix !== null && address !== undefined && !address.includes('/')) {
        of.addresses[last] = `${address}/${prefix}`;
      }
      break;
    }
    case 'gateway':
      of.gateways.push(value);
      break;
    case 'hwaddress':
      of.mac = values.at(-1) ?? null;
      break;
    case 'dns-nameserver':
    case 'dns-nameservers':
      addAll(of.dns, values);
      break;
    case 'dns-search':
    case 'dns-domain':
      addAll(of.search, values);
      break;
  }
}

/** A backslash at a line's end continues it. */
function continued(lines: readonly Name[]): Name[] {
  const whole: Name[] = [];
  let held = '';
  for (const line of lines) {
    if (line.endsWith('\\')) held += line.slice(0, -1);
    else {
      whole.push(part(held + line));
      held = '';
    }
  }
  return whole;
}

function inFolderOf(file: Name, path: Name): Name {
  return path.startsWith('/') ? path : part(`${file.slice(0, file.lastIndexOf('/'))}/${path}`);
}

/** The files a pattern names: `*` and `?` in its last step, as Debian's own `interfaces.d/*` has it. */
function matching(tree: GuestTree, pattern: Name): Name[] {
  const slash = pattern.lastIndexOf('/');
  const last = pattern.slice(slash + 1);
  if (!/[*?]/.test(last)) return [pattern];
  const folder = pattern.slice(0, slash);
  return tree
    .list(folder)
    .filter(({ name }) => !name.startsWith('.') && glob(last, name))
    .map(({ name }) => part(`${folder}/${name}`));
}

/** Shell pattern with `*` and `?`, in time linear in the name for each star (no regular expression to blow up). */
function glob(pattern: string, name: string): boolean {
  let p = 0;
  let n = 0;
  let star = -1;
  let from = 0;
  while (n < name.length) {
    const c = pattern.charAt(p);
    if (c === '*') {
      star = p++;
      from = n;
    } else if (p < pattern.length && (c === '?' || c === name.charAt(n))) {
      p++;
      n++;
    } else if (star >= 0) {
      p = star + 1;
      n = ++from;
    } else {
      return false;
    }
  }
  while (pattern.charAt(p) === '*') p++;
  return p === pattern.length;
}
