import { name } from '../name.ts';
import type { Storage } from '../volumes/volume.ts';
import type { Device, FilesystemSection, StorageFacts } from './facts.ts';
import { textOrNull } from './text.ts';
import type { Warnings } from './warnings.ts';

type StoredVolume = Storage['volumes'][number];

/** The disks and, when `devices` is asked for, every volume with what is on it and whether it was read. */
export function storageOf(storage: Storage, devices: boolean): StorageFacts {
  const disks = storage.disks.map(({ index, table, sectorSize }) => ({
    image: index,
    table,
    sector_size: sectorSize,
  }));
  return devices ? { disks, devices: storage.volumes.map(deviceOf) } : { disks };
}

function deviceOf(volume: StoredVolume): Device {
  const { content } = volume;
  return {
    id: volume.id,
    name: volume.name,
    kind: volume.kind,
    start_bytes: volume.startBytes,
    size_bytes: volume.sizeBytes,
    type: volume.partitionType,
    uuid: volume.partitionUuid,
    ...textOrNull('label', volume.partitionLabel === null ? null : name(volume.partitionLabel)),
    flags: [...volume.flags],
    filesystem: filesystemOf(volume),
    status: content.status,
    reason: content.reason,
  };
}

function filesystemOf({ content }: StoredVolume): FilesystemSection | null {
  const facts = content.filesystem?.facts;
  if (facts !== undefined) {
    return {
      type: facts.type,
      ...textOrNull('label', facts.label),
      uuid: facts.uuid,
      block_size: facts.blockSize,
      size_bytes: facts.sizeBytes,
      used_bytes: facts.usedBytes,
      features: [...facts.features],
      state: facts.state,
    };
  }
  if (content.type === null) return null;
  return {
    type: content.type,
    ...textOrNull('label', content.label === null ? null : name(content.label)),
    uuid: content.uuid,
    block_size: null,
    size_bytes: null,
    used_bytes: null,
    features: [],
    state: null,
  };
}

/** Warns of volumes that are damaged, and of what their filesystems have to say about themselves. */
export function warnOfStorage(storage: Storage, warnings: Warnings): void {
  for (const { code, message, where } of storage.notes) warnings.add(code, message, where);
  for (const { name, content } of storage.volumes) {
    if (content.status === 'damaged') {
      const at =
        content.place === null ? '' : ` (image ${content.place.source}, byte ${content.place.offset})`;
      warnings.add(
        'VOLUME_DAMAGED',
        `${content.type ?? 'volume'}: ${content.reason ?? 'unreadable'}${at}`,
        name,
      );
    }
    for (const note of content.filesystem?.notes ?? []) warnings.add(note.code, note.message, name);
    if (content.filesystem?.state === 'replayed') {
      const message = 'the filesystem was not unmounted; its journal was applied in memory';
      warnings.add('JOURNAL_REPLAYED', message, name);
    }
    if (content.filesystem?.state === 'dirty_read_as_is' && content.filesystem.notes.length === 0) {
      const message = 'the filesystem was not unmounted and is read as it lies on the disk';
      warnings.add('DIRTY_READ_AS_IS', message, name);
    }
  }
}
