import { limit } from '../error.ts';
import type { Limits } from '../limits.ts';
import { readStatus } from './dpkg.ts';
import type { Packages } from './facts.ts';
import type { GuestTree } from './tree.ts';
import type { Warnings } from './warnings.ts';

/** Packages listed: thrice what Debian has in all. */
const maxPackages = 200_000;

const dpkgStatus = '/var/lib/dpkg/status';
/** One file for each package, as distroless images have it. */
const dpkgParts = '/var/lib/dpkg/status.d';

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
 * PACKAGE_DATABASE_NOT_READ says so. It is null as well, and not 0, where a database may lie on a filesystem
 * that is not mounted here, or in a directory that cannot be read.
 */
export function readPackages(tree: GuestTree, limits: Limits, warnings: Warnings): Packages {
  const status = tree.type(dpkgStatus) === 'file' ? [dpkgStatus] : [];
  const distroless = tree
    .list(dpkgParts)
    .flatMap(({ name }) => (name.endsWith('.md5sums') ? [] : [`${dpkgParts}/${name}`]));
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
  if (database === undefined) {
    const known = [dpkgStatus, dpkgParts, ...unread.map(({ path }) => path)].every((path) =>
      tree.isKnown(path),
    );
    return { count: known ? 0 : null, manager: null, packages: [], details: [] };
  }
  const message = `the ${database.manager} database is not read yet, so the installed packages are unknown`;
  warnings.add('PACKAGE_DATABASE_NOT_READ', message, database.path);
  return { count: null, manager: database.manager, packages: [], details: [] };
}
