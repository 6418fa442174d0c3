import type { Limits } from '../limits.ts';
import { textOf } from '../name.ts';
import type { Storage } from '../volumes/volume.ts';
import type { Mount } from './facts.ts';
import { type FstabEntry, parseFstab, volumeOf } from './fstab.ts';
import { part, text } from './text.ts';
import { GuestTree } from './tree.ts';
import type { Warnings } from './warnings.ts';

/** One installed system: its files, as mounted by its own fstab. */
export type Guest = {
  readonly tree: GuestTree;
  /** Display name of the volume that holds the root filesystem. */
  readonly root: string;
  readonly mounts: readonly Mount[];
};

/** What makes a filesystem a root: one of these (a dangling link counts, /usr may be elsewhere) … */
export const releaseFiles = ['/etc/os-release', '/usr/lib/os-release'] as const;
/** … or one of these beside one of `programs`. */
export const otherSigns = ['/etc/fstab', '/etc/passwd', '/etc/lsb-release', '/etc/debian_version'] as const;
const programs = ['/bin', '/usr', '/sbin'] as const;

/** Mount points that facts are read from; when one cannot be followed, facts are missing. */
const needed = new Set(
  '/etc /usr /usr/bin /usr/lib /usr/sbin /usr/share /bin /sbin /lib /lib/modules /usr/lib/modules /var /var/lib /var/lib/dpkg /boot'.split(
    ' ',
  ),
);

/** Systems read, each of which may take as long as another job: no machine has more. */
const maxGuests = 16;

/** Every root filesystem among the volumes, in their order, with the other volumes mounted as its fstab says. */
export function findGuests(storage: Storage, limits: Limits, warnings: Warnings): Guest[] {
  const guests: Guest[] = [];
  for (const { name, content } of storage.volumes) {
    const filesystem = content.filesystem;
    const root = filesystem?.roots.find((root) => root.isDefault) ?? filesystem?.roots[0];
    if (filesystem === null || root === undefined) continue;
    const tree = new GuestTree(filesystem, root.ino, limits, warnings);
    if (!isRoot(tree)) continue;
    if (guests.length === maxGuests) {
      warnings.add(
        'SYSTEMS_LEFT_OUT',
        `more than ${maxGuests} operating systems; the rest is not read`,
        name,
      );
      break;
    }
    guests.push({ tree, root: name, mounts: mountAll(tree, storage, warnings) });
  }
  return guests;
}

function isRoot(tree: GuestTree): boolean {
  if (releaseFiles.some((path) => tree.has(path))) return true;
  return otherSigns.some((path) => tree.has(path)) && programs.some((path) => tree.has(path));
}

function mountAll(tree: GuestTree, storage: Storage, warnings: Warnings): Mount[] {
  const entries = parseFstab(tree.lines('/etc/fstab'));
  if (!tree.isKnown('/etc/fstab')) tree.leaveOut(part('/'));
  // A parent goes before what is mounted below it, whatever the order of the lines (as systemd does).
  const byDepth = entries.map((entry) => ({ entry, depth: steps(entry).length }));
  for (const { entry } of byDepth.sort((a, b) => a.depth - b.depth)) mountOne(tree, entry, storage, warnings);
  return entries.map((entry) => ({
    ...text('spec', entry.spec),
    device: volumeOf(entry.spec, storage)?.name ?? null,
    ...text('mount_point', entry.mountPoint),
    type: textOf(entry.type),
    options: entry.options.map(textOf),
    dump: entry.dump,
    pass: entry.pass,
  }));
}

function steps(entry: FstabEntry): string[] {
  return entry.mountPoint.split('/').filter((step) => step !== '');
}

function mountOne(tree: GuestTree, entry: FstabEntry, storage: Storage, warnings: Warnings): void {
  const { spec, mountPoint } = entry;
  if (!mountPoint.startsWith('/') || steps(entry).length === 0) return;
  if (entry.options.some((option) => option === 'bind' || option === 'rbind')) {
    tree.bind(mountPoint, spec);
    return;
  }
  const miss = (why: string) => missed(tree, entry, why, warnings);
  const volume = volumeOf(spec, storage);
  const filesystem = volume?.content.filesystem;
  const root = filesystem?.roots.find((root) => root.isDefault) ?? filesystem?.roots[0];
  if (filesystem && root !== undefined) {
    if (!tree.mount(mountPoint, filesystem, root.ino)) miss('the directory is not there');
  } else if (volume !== null) {
    const { status, reason, type } = volume.content;
    miss(`${volume.name} (${type ?? 'unknown content'}) is ${status}: ${reason ?? 'not read'}`);
  } else if (/^(\/dev\/|[A-Z]+=)/.test(spec)) {
    miss('it names no volume of this machine that is known');
  }
}

function missed(tree: GuestTree, entry: FstabEntry, why: string, warnings: Warnings): void {
  const mountPoint = part(`/${steps(entry).join('/')}`);
  tree.leaveOut(mountPoint);
  if (!needed.has(mountPoint)) return;
  const message = `${textOf(entry.spec)} is not mounted, so what it holds is missing: ${why}`;
  warnings.add('MOUNT_NOT_FOLLOWED', message, mountPoint);
}
