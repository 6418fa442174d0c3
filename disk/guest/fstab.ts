import { type Name, textOf } from '../name.ts';
import type { Storage } from '../volumes/volume.ts';
import { decimal, part, words } from './text.ts';

/** One line of fstab(5), escapes resolved. */
export type FstabEntry = {
  readonly spec: Name;
  readonly mountPoint: Name;
  readonly type: Name;
  readonly options: readonly Name[];
  readonly dump: number;
  readonly pass: number;
};

/** More lines than this are no fstab. */
const maxEntries = 1000;

/** Reads fstab(5): comments and lines of fewer than three fields are passed over, as mount(8) does. */
export function parseFstab(lines: readonly Name[]): FstabEntry[] {
  const entries: FstabEntry[] = [];
  for (const line of lines) {
    const [spec, mountPoint, type, options, dump, pass] = words(line).map(unescaped);
    if (spec === undefined || mountPoint === undefined || type === undefined || spec.startsWith('#'))
      continue;
    if (entries.length >= maxEntries) break;
    entries.push({
      spec,
      mountPoint,
      type,
      options: (options ?? 'defaults').split(',').map(part),
      dump: decimal(dump, 1_000_000) ?? 0,
      pass: decimal(pass, 1_000_000) ?? 0,
    });
  }
  return entries;
}

/** `\040` for a blank and the like: an octal byte. */
function unescaped(field: Name): Name {
  return part(
    field.replace(/\\([0-3][0-7]{2})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
  );
}

type StoredVolume = Storage['volumes'][number];

/**
 * The volume that an fstab spec names, or null: by UUID, LABEL, PARTUUID, PARTLABEL (as `KEY=value`, quoted or
 * not, or under /dev/disk/by-…), or by a kernel name. Kernel names are not stable, so sda, vda, hda, xvda and
 * nvme0n1 all mean the first disk of the job. Device-mapper and md names are no volumes yet.
 */
export function volumeOf(spec: Name, storage: Storage): StoredVolume | null {
  const tag = /^([A-Z]+)=(.*)$/.exec(spec);
  if (tag?.[1] !== undefined && tag[2] !== undefined) {
    return byTag(tag[1], tag[2].replace(/^(["'])(.*)\1$/, '$2'), storage);
  }
  const link = /^\/dev\/disk\/by-([a-z]+)\/([^/]+)$/.exec(spec);
  if (link?.[1] !== undefined && link[2] !== undefined) {
    const value = link[2].replace(/\\x([0-9a-f]{2})/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
    if (link[1] === 'id' || link[1] === 'path') return byHardware(value, storage);
    return byTag(link[1].toUpperCase(), value, storage);
  }
  return byKernelName(spec, storage);
}

function byTag(tag: string, value: string, storage: Storage): StoredVolume | null {
  const same = (other: string | null) => other !== null && other.toLowerCase() === value.toLowerCase();
  const label = textOf(part(value));
  const matches = storage.volumes.filter((volume) => {
    switch (tag) {
      case 'UUID':
        return same(volume.content.uuid);
      case 'PARTUUID':
        return same(volume.partitionUuid);
      case 'LABEL':
        return volume.content.label === label;
      case 'PARTLABEL':
        return volume.partitionLabel === label;
      default:
        return false;
    }
  });
  return matches.find((volume) => volume.content.filesystem !== null) ?? matches[0] ?? null;
}

/** by-id and by-path say how a disk is attached, which an image does not: clear only where there is one disk. */
function byHardware(value: string, storage: Storage): StoredVolume | null {
  if (storage.disks.length !== 1) return null;
  const number = /-part([0-9]{1,3})$/.exec(value)?.[1];
  return partition(0, number ?? null, storage);
}

function byKernelName(spec: Name, storage: Storage): StoredVolume | null {
  const letters = /^\/dev\/(?:sd|vd|hd|xvd)([a-z])([0-9]{1,3})?$/.exec(spec);
  if (letters?.[1] !== undefined) {
    return partition(letters[1].charCodeAt(0) - 'a'.charCodeAt(0), letters[2] ?? null, storage);
  }
  const numbers = /^\/dev\/(?:nvme([0-9]{1,2})n1|mmcblk([0-9]{1,2}))(?:p([0-9]{1,3}))?$/.exec(spec);
  const disk = numbers?.[1] ?? numbers?.[2];
  return disk === undefined ? null : partition(Number(disk), numbers?.[3] ?? null, storage);
}

function partition(disk: number, number: string | null, storage: Storage): StoredVolume | null {
  const id = number === null ? `disk${disk}` : `disk${disk}/p${Number(number)}`;
  return storage.volumes.find((volume) => volume.id === id) ?? null;
}
