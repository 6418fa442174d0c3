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

/**
 * Warns of what is said about the storage: notes on disks and filesystems, volumes that are damaged or left alone
 * for a feature or a limit (with the byte of the image, in the reason), and filesystems that were not unmounted.
 */
export function warnOfStorage(storage: Storage, warnings: Warnings): void {
  for (const { code, message, where } of storage.notes) warnings.add(code, message, where);
  for (const { id, content } of storage.volumes) {
    const { status, reason, filesystem } = content;
    if (status === 'damaged') warnings.add('VOLUME_DAMAGED', reason ?? 'cannot be read', id);
    // What is merely of another kind (swap, a filesystem without a reader) has no place to point at.
    if (status === 'recognised' && content.place !== null) {
      warnings.add('VOLUME_NOT_READ', reason ?? `${content.type} is not read`, id);
    }
    for (const { code, message } of filesystem?.notes ?? []) warnings.add(code, message, id);
    if (filesystem?.state === 'replayed') {
      warnings.add('JOURNAL_REPLAYED', 'it was not unmounted; its journal is applied in memory', id);
    } else if (filesystem?.state === 'dirty_read_as_is') {
      warnings.add('DIRTY_READ_AS_IS', 'it was not unmounted and is read as it lies on the disk', id);
    }
  }
}
