import { type Name, textOf } from '../name.ts';
import { readArch } from './arch.ts';
import type { Kernel, OperatingSystem } from './facts.ts';
import { type Guest, releaseFiles } from './guests.ts';
import { assignments, lowerCase, part, plain, textOrNull, trimmed, words } from './text.ts';
import type { GuestTree } from './tree.ts';

type Release = {
  readonly distribution: Name | null;
  readonly productName: Name | null;
  readonly version: Name | null;
  readonly codename: Name | null;
};

/** What the guest says it is. `kernels` are its, newest first. */
export function readSystem(guest: Guest, kernels: readonly Kernel[]): OperatingSystem {
  const { tree, root } = guest;
  const release = readRelease(tree);
  return {
    type: 'linux',
    ...textOrNull('distribution', release.distribution),
    ...textOrNull('product_name', release.productName),
    ...textOrNull('version', release.version),
    ...textOrNull('codename', release.codename),
    ...textOrNull('hostname', readHostname(tree)),
    arch: readArch(tree),
    kernel: (kernels.find(({ image }) => image !== null) ?? kernels[0])?.version ?? null,
    init: readInit(tree),
    timezone: readTimezone(tree),
    root,
  };
}

/** os-release(5) in /etc, then /usr/lib; without either lsb-release, then debian_version alone. */
function readRelease(tree: GuestTree): Release {
  const debian = trimmed(tree.lines('/etc/debian_version')[0] ?? '');
  const file = releaseFiles.find((path) => tree.type(path) === 'file');
  const os = assignments(file === undefined ? [] : tree.lines(file));
  if (os.size > 0) {
    const distribution = os.get('ID') ?? part('linux');
    const version = os.get('VERSION_ID') ?? null;
    return {
      distribution,
      productName: os.get('PRETTY_NAME') ?? os.get('NAME') ?? null,
      version: distribution === 'debian' ? moreExact(version, debian) : version,
      codename: os.get('VERSION_CODENAME') ?? inParentheses(os.get('VERSION')),
    };
  }
  const lsb = assignments(tree.lines('/etc/lsb-release'));
  const id = lsb.get('DISTRIB_ID');
  if (id !== undefined) {
    return {
      distribution: lowerCase(id),
      productName: lsb.get('DISTRIB_DESCRIPTION') ?? null,
      version: lsb.get('DISTRIB_RELEASE') ?? null,
      codename: lsb.get('DISTRIB_CODENAME') ?? null,
    };
  }
  const nothing = { distribution: null, productName: null, version: null, codename: null };
  return debian === '' ? nothing : { ...nothing, distribution: part('debian'), version: debian };
}

/** Debian's VERSION_ID is `12` where debian_version is `12.9`; testing has no VERSION_ID, but `trixie/sid`. */
function moreExact(version: Name | null, debian: Name): Name | null {
  if (debian === '') return version;
  return version === null || debian.startsWith(`${version}.`) ? debian : version;
}

/** `12 (bookworm)` names its codename so; `7 (Core)` likewise. */
function inParentheses(version: Name | undefined): Name | null {
  const inside = version === undefined ? undefined : /\(([^()]+)\)/.exec(version)?.[1];
  return inside === undefined ? null : lowerCase(inside);
}

/** hostname(5): the first word of the first line that is no comment. */
function readHostname(tree: GuestTree): Name | null {
  for (const line of tree.lines('/etc/hostname')) {
    const [word] = words(line);
    if (word !== undefined && !word.startsWith('#')) return word;
  }
  return null;
}

/** By what /sbin/init is; OpenRC and busybox share theirs, so OpenRC's own program is looked for. */
function readInit(tree: GuestTree): string | null {
  const init = tree.resolve('/sbin/init') ?? tree.readlink('/sbin/init');
  if (init === null) return null;
  const program = textOf(part(init.slice(init.lastIndexOf('/') + 1)));
  if (program === 'systemd') return 'systemd';
  if (tree.type('/sbin/openrc') === 'file') return 'openrc';
  if (program !== 'init') return program.replace(/-init$/, '');
  if (tree.type('/sbin/initctl') === 'file' && tree.isDirectory('/etc/init')) return 'upstart';
  return tree.type('/etc/inittab') === 'file' ? 'sysvinit' : null;
}

/** Where /etc/localtime points (systemd's own way), otherwise Debian's /etc/timezone. */
function readTimezone(tree: GuestTree): string | null {
  const link = tree.readlink('/etc/localtime') ?? '';
  const zone = /\/zoneinfo\/(?:posix\/|right\/)?(.+)$/.exec(link)?.[1];
  return plain(part(zone ?? trimmed(tree.lines('/etc/timezone')[0] ?? '')));
}
