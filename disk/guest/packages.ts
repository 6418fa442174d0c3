import { limit } from '../error.ts';
import type { Limits } from '../limits.ts';
import { readStatus } from './dpkg.ts';
import type { Packages } from './facts.ts';
import type { GuestTree } from './tree.ts';
import type { Warnings } from './warnings.ts';

/** Packages listed: thrice what Debian has in all. */
const maxPackages = 200_000;

/** Databases that are known and not read yet. */
const unread = [
  { manager: 'rpm', path: '/var/lib/rpm/rpmdb.sqlite' },
  { manager: 'rpm', path: '/var/lib/rpm/Packages' },
  { manager: 'rpm', path: '/var/lib/rpm/Packages.db' },
  { manager: 'rpm', path: '/usr/lib/sysimage/rpm/rpmdb.sqlite' },
  { manager: 'rpm', path: '/usr/lib/sysimage/rpm/Packages.db' },
  { manager: 'apk', path: '/lib/apk/db/installed' },
  { manager: 'pacman', path: '/var/lib/pacman/local' },
] as const;

/**
 * The installed packages. Of rpm, apk and pacman only the manager is told: `count` is null, and a warning
 * PACKAGE_DATABASE_NOT_READ says so.
 */
export function readPackages(tree: GuestTree, limits: Limits, warnings: Warnings): Packages {
  const status = tree.type('/var/lib/dpkg/status') === 'file' ? ['/var/lib/dpkg/status'] : [];
  const distroless = tree
    .list('/var/lib/dpkg/status.d')
    .flatMap(({ name }) => (name.endsWith('.md5sums') ? [] : [`/var/lib/dpkg/status.d/${name}`]));
  const files = [...status, ...distroless];
  if (files.length === 0) return readNone(tree, warnings);

  const details: Packages['details'] = [];
  let whole = true;
  for (const file of files) {
    const lines = tree.stream(file, (all) => {
      whole &&= all;
    });
    for (const found of readStatus(lines)) {
      if (details.length >= Math.min(limits.maxEntries, maxPackages)) {
        warnings.unreadable(file, limit('dpkg', 'maxEntries', `more than ${details.length} packages`));
        return sectionOf(details, false);
      }
      details.push(found);
    }
  }
  return sectionOf(details, whole);
}

function sectionOf(details: Packages['details'], whole: boolean): Packages {
  const count = whole ? details.length : null;
  return { count, manager: 'deb', packages: details.map(({ name }) => name), details };
}

function readNone(tree: GuestTree, warnings: Warnings): Packages {
  const database = unread.find(({ path }) => tree.has(path));
  if (database === undefined) return { count: 0, manager: null, packages: [], details: [] };
  const message = `the ${database.manager} database is not read yet, so the installed packages are unknown`;
  warnings.add('PACKAGE_DATABASE_NOT_READ', message, database.path);
  return { count: null, manager: database.manager, packages: [], details: [] };
}
