import type { OpenFilesystem } from './filesystems/open.ts';
import type { OpenedImage } from './formats/format.ts';
import type { Limits } from './limits.ts';
import { damaged, readContent, skipped } from './volumes/content.ts';
import { deviceName } from './volumes/naming.ts';
import type { Partition, Table } from './volumes/partition.ts';
import { slice } from './volumes/slice.ts';
import { readTable } from './volumes/table.ts';
import type { Disk, Storage, StorageNote, Volume, VolumeContent } from './volumes/volume.ts';

/** Bytes at a volume's start that its recognition looks at first. */
const HEAD = 64 * 1024;

type FoundVolume = Storage['volumes'][number];

/**
 * Finds the partitions of each disk, what is in each, and opens the filesystems that `readers` has a reader
 * for. Images are the disks of one machine, in order. Damage stays with the volume or disk that has it, which
 * says so in its content; a DiskError is thrown only where the error ends the inspection.
 */
export function readStorage(
  images: readonly OpenedImage[],
  limits: Limits,
  readers: ReadonlyMap<string, OpenFilesystem>,
): Storage {
  const disks: Disk[] = [];
  const volumes: FoundVolume[] = [];
  const notes: StorageNote[] = [];
  for (const [index, image] of images.entries()) {
    const id = `disk${index}`;
    const table = readTable(image.device, limits);
    disks.push({ index, table: table.kind, sectorSize: table.sectorSize, device: image.device });
    notes.push(...[...image.notes, ...table.notes].map((note) => ({ ...note, where: id })));
    image.device.prefetch(table.partitions.map(({ startBytes }) => ({ offset: startBytes, length: HEAD })));
    const whole = table.kind === 'none' || table.problem !== null;
    const found = whole
      ? [wholeDisk(index, image, table, limits, readers)]
      : table.partitions.map((partition) => {
          const volume = volumeOf(index, image, partition);
          return { ...volume, content: contentOf(volume, partition, limits, readers) };
        });
    volumes.push(...found);
    notes.push(...found.flatMap(notesOf));
  }
  return { disks, volumes, notes };
}

function wholeDisk(
  index: number,
  { device }: OpenedImage,
  { problem }: Table,
  limits: Limits,
  readers: ReadonlyMap<string, OpenFilesystem>,
): FoundVolume {
  const volume: Volume = {
    id: `disk${index}`,
    name: deviceName(index, null),
    kind: 'disk',
    disk: index,
    startBytes: 0,
    sizeBytes: device.size,
    partitionType: null,
    partitionUuid: null,
    partitionLabel: null,
    flags: [],
    device,
  };
  return { ...volume, content: problem === null ? readContent(volume, limits, readers) : damaged(problem) };
}

function volumeOf(index: number, { device }: OpenedImage, partition: Partition): Volume {
  return {
    id: `disk${index}/p${partition.number}`,
    name: deviceName(index, partition.number),
    kind: 'partition',
    disk: index,
    startBytes: partition.startBytes,
    sizeBytes: partition.sizeBytes,
    partitionType: partition.type,
    partitionUuid: partition.uuid,
    partitionLabel: partition.label,
    flags: partition.flags,
    device: slice(device, partition.startBytes, partition.sizeBytes),
  };
}

function contentOf(
  volume: Volume,
  partition: Partition,
  limits: Limits,
  readers: ReadonlyMap<string, OpenFilesystem>,
): VolumeContent {
  if (partition.problem !== null) return damaged(partition.problem);
  if (partition.flags.includes('extended')) return skipped('holds logical partitions');
  return readContent(volume, limits, readers);
}

/** What filesystems say of themselves, and what is damaged. */
function notesOf({ id, content }: FoundVolume): StorageNote[] {
  const notes = (content.filesystem?.notes ?? []).map((note) => ({ ...note, where: id }));
  if (content.status !== 'damaged') return notes;
  return [...notes, { code: 'VOLUME_DAMAGED', message: content.reason ?? 'unreadable', where: id }];
}
