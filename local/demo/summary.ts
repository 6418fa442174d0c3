import { styleText } from 'node:util';
import type { InspectionResult } from '../../core/result/inspection.ts';

const LIST_LENGTH = 8;

type Row = readonly [label: string, value: string | null];

/** An inspection as a person likes to read it, as lines. Colours only where standard output shows them. */
export function summarise(result: InspectionResult): string[] {
  return [
    ...section('System', system(result)),
    ...section('Storage', storage(result)),
    ...section('Packages', packages(result)),
    ...section('Services', services(result)),
    ...section('Users', users(result)),
    ...section('Network', network(result)),
    ...section(
      'Warnings',
      result.warnings.map(({ code, message }): Row => [code, message]),
    ),
    ...section('Took', took(result)),
  ];
}

function section(title: string, rows: readonly Row[]): string[] {
  const known = rows.filter((row): row is [string, string] => row[1] !== null && row[1] !== '');
  if (known.length === 0) return [];
  const width = Math.max(...known.map(([label]) => label.length), 12);
  return [
    '',
    styleText('bold', title),
    ...known.map(
      ([label, value]) =>
        `  ${styleText('cyan', printable(label).padEnd(width))}  ${wrapped(printable(value), width + 4)}`,
    ),
  ];
}

const LEAST_ROOM = 20;

/** On a terminal, breaks at blanks what is wider than the room right of `indent`, so that values stay in their column. */
function wrapped(value: string, indent: number): string {
  // Absent in a pipe, 0 where a terminal does not know its size.
  const { columns } = process.stdout;
  if (!columns) return value;
  const room = Math.max(LEAST_ROOM, columns - indent);
  const lines = [''];
  for (const word of value.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line === '') lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= room) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines.join(`\n${' '.repeat(indent)}`);
}

/** A guest's text must not move the reader's cursor or recolour the terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '\uFFFD');
}

function system({ operating_system: os, operating_systems, kernels }: InspectionResult): Row[] {
  if (os === null) return [['none', 'no operating system was found']];
  return [
    ['name', os.product_name ?? os.distribution],
    ['version', [os.version, os.codename && `(${os.codename})`].filter(Boolean).join(' ')],
    ['hostname', os.hostname],
    ['architecture', os.arch],
    ['kernel', os.kernel && `${os.kernel}${kernels.length > 1 ? ` and ${kernels.length - 1} older` : ''}`],
    ['init', os.init],
    ['time zone', os.timezone],
    ['root', os.root],
    [
      'others',
      operating_systems
        .slice(1)
        .map((other) => `${other.product_name} on ${other.root}`)
        .join(', '),
    ],
  ];
}

function storage({ image, storage: { disks, devices = [] }, mounts }: InspectionResult): Row[] {
  // Swap's mount point is the word "none".
  const places = mounts.filter(({ mount_point }) => mount_point.startsWith('/'));
  const mounted = new Map(places.map((mount) => [mount.device, mount.mount_point]));
  return [
    [
      'image',
      `${image.format}, ${size(image.virtual_size_bytes)} (${size(image.size_bytes)} stored), ${disks[0]?.table ?? 'none'}`,
    ],
    ...devices.map((device): Row => {
      const { filesystem, status, reason } = device;
      const type = filesystem === null ? (device.flags[0] ?? 'unknown') : filesystem.type;
      const used = filesystem?.used_bytes == null ? '' : `, ${size(filesystem.used_bytes)} used`;
      const mountPoint = mounted.get(device.name);
      // A swap area is mounted on `none`.
      const where = mountPoint?.startsWith('/') ? mountPoint : undefined;
      const state =
        status === 'read'
          ? filesystem?.state === 'clean'
            ? ''
            : `, ${filesystem?.state}`
          : `, ${reason ?? status}`;
      return [
        device.name,
        `${size(device.size_bytes)} ${type}${used}${where === undefined ? '' : ` on ${where}`}${state}`,
      ];
    }),
  ];
}

function packages({ packages: found }: InspectionResult): Row[] {
  if (found === undefined) return [];
  return [
    ['count', `${found.count ?? 'unknown'}${found.manager === null ? '' : ` (${found.manager})`}`],
    ['first', list(found.details.map(({ name, version }) => `${name} ${version ?? ''}`.trim()))],
  ];
}

function services({ services: found }: InspectionResult): Row[] {
  const enabled = (found?.services ?? []).filter((service) => service.enabled === 'enabled');
  return found === undefined
    ? []
    : [
        ['count', String(found.count)],
        ['enabled', list(enabled.map(({ name }) => name.replace(/\.service$/, '')))],
      ];
}

function users({ users: found }: InspectionResult): Row[] {
  const people = (found?.users ?? []).filter(({ uid }) => uid === 0 || (uid >= 1000 && uid < 65_534));
  return people.map(({ name, uid, shell, locked, groups }): Row => {
    const state = locked === true ? ', locked' : '';
    return [name, `uid ${uid}, ${shell}${state}${groups.length > 1 ? `, in ${groups.join(' ')}` : ''}`];
  });
}

function network({ network: found }: InspectionResult): Row[] {
  if (found === undefined) return [];
  return [
    ...found.interfaces.map(({ name, method, addresses, gateway }): Row => {
      const parts = [method, addresses.join(' '), gateway === null ? '' : `via ${gateway}`];
      return [name ?? 'any', parts.filter((part) => part !== null && part !== '').join(', ')];
    }),
    ['dns', found.dns.servers.join(' ')],
  ];
}

function took({ statistics: { bytes_read, reads, duration_ms } }: InspectionResult): Row[] {
  const phases = Object.entries(duration_ms).map(([phase, ms]) => `${phase} ${ms.toFixed(1)} ms`);
  return [['reader', `${phases.join(', ')}; ${size(bytes_read)} in ${reads} reads`]];
}

function list(names: readonly string[]): string {
  const more = names.length - LIST_LENGTH;
  return names.slice(0, LIST_LENGTH).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  const unit = Math.min(units.length - 1, bytes === 0 ? 0 : Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** unit;
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
