import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Inspection } from '../../disk/guest/facts.ts';
import { type Gathered, gather } from '../../disk/guest/gather.ts';
import { Warnings } from '../../disk/guest/warnings.ts';
import type { InspectOptions } from '../../disk/inspection.ts';
import { defaultLimits, type Limits } from '../../disk/limits.ts';
import type { Storage, VolumeContent } from '../../disk/volumes/volume.ts';
import { directoryFilesystem } from './directory-filesystem.ts';

/** What stands at a path: a file's content, a link's target, or a folder. */
export type Files = { readonly [path: string]: string | Uint8Array | { link: string } | { folder: true } };

/** Writes files below a folder. */
export function plant(folder: string, files: Files): void {
  for (const [path, content] of Object.entries(files)) {
    const full = join(folder, path);
    mkdirSync(dirname(full), { recursive: true });
    if (typeof content === 'string' || content instanceof Uint8Array) writeFileSync(full, content);
    else if ('link' in content) symlinkSync(content.link, full);
    else mkdirSync(full, { recursive: true });
  }
}

type StoredVolume = Storage['volumes'][number];

/** A machine of one disk whose partitions are folders, or contents that no filesystem was opened on. */
export function machine(
  ...partitions: (string | (Partial<Omit<StoredVolume, 'content'>> & { content: Partial<VolumeContent> }))[]
): Storage {
  const device = {
    size: 1 << 30,
    sectorSize: null,
    readInto() {},
    prefetch() {},
    extents: () => [],
    place: () => null,
  };
  const volumes = partitions.map((partition, index): StoredVolume => {
    const given = typeof partition === 'string' ? folderVolume(partition) : partition;
    const content: VolumeContent = {
      status: 'read',
      reason: null,
      place: null,
      type: 'ext4',
      uuid: null,
      label: null,
      filesystem: null,
      ...given.content,
    };
    return {
      id: `disk0/p${index + 1}`,
      name: `sda${index + 1}`,
      kind: 'partition',
      disk: 0,
      startBytes: (index + 1) << 20,
      sizeBytes: 1 << 20,
      partitionType: '0x83',
      partitionUuid: `abcd1234-0${index + 1}`,
      partitionLabel: null,
      flags: [],
      device,
      ...given,
      content,
    };
  });
  return { disks: [{ index: 0, table: 'mbr', sectorSize: 512, device }], volumes, notes: [] };
}

/** A partition that holds a folder's files. */
export function folderVolume(
  folder: string,
  content: Partial<VolumeContent> = {},
  options: Parameters<typeof directoryFilesystem>[1] = {},
): { content: Partial<VolumeContent> } {
  return { content: { filesystem: directoryFilesystem(folder, options), ...content } };
}

export const everything: InspectOptions = {
  include_packages: true,
  include_services: true,
  include_users: true,
  include_network: true,
  include_storage: true,
};

/** All facts of a machine, with the warnings. */
export function factsOf(
  storage: Storage,
  options: InspectOptions = everything,
  limits: Limits = defaultLimits,
): Gathered & Pick<Inspection, 'warnings'> {
  const warnings = new Warnings();
  const gathered = gather(storage, options, limits, warnings, () => {});
  return { ...gathered, warnings: warnings.list() };
}

/** Warnings of one code. */
export function warned(facts: Pick<Inspection, 'warnings'>, code: string): Inspection['warnings'] {
  return facts.warnings.filter((warning) => warning.code === code);
}
