import type { BlockDevice } from '../device.ts';
import type { Place } from '../error.ts';
import type { Filesystem } from '../filesystems/filesystem.ts';

/** Partition table of a disk. `none`: the whole disk is one volume (or nothing we know). */
export type TableKind = 'gpt' | 'mbr' | 'none';

/** Something said about the storage that is worth a warning in the result. */
export type StorageNote = { readonly code: string; readonly message: string; readonly where: string };

/** A place on a disk that may hold a filesystem: a partition, or the whole disk without a table. */
export type Volume = {
  /** Stable: `disk0/p2`, `disk0`; later `lvm:vg/root`, `md:<uuid>`, … */
  readonly id: string;
  /** As virt-inspector prints it: `sda2`, `sda`. */
  readonly name: string;
  readonly kind: 'disk' | 'partition' | 'lv' | 'md' | 'luks' | 'subvolume';
  /** Index of the disk it lies on. */
  readonly disk: number;
  /** Start on that disk, in bytes; null where the volume is not one run of it. */
  readonly startBytes: number | null;
  readonly sizeBytes: number;
  /** The partition's type: MBR `0x83`, GPT the type GUID in lower case; null without a table. */
  readonly partitionType: string | null;
  /** PARTUUID as Linux prints it: GPT the unique GUID, MBR `<disk signature>-<number>`; null without. */
  readonly partitionUuid: string | null;
  /** PARTLABEL, text; null without. */
  readonly partitionLabel: string | null;
  /** `boot` (MBR active), `efi_system`, `bios_boot`, `legacy_boot`, `required`, `extended`, … */
  readonly flags: readonly string[];
  readonly device: BlockDevice;
};

/**
 * What was found on a volume by looking at its bytes.
 * `read`: `filesystem` is open. `recognised`: named but not read (swap, LVM2 member, NTFS, LUKS, …).
 * `skipped`: nothing is known about it (empty, extended container, unknown content). `damaged`: its superblock is recognised
 * and cannot be read; `reason` says why and `place` where.
 */
export type VolumeContent = {
  readonly status: 'read' | 'recognised' | 'skipped' | 'damaged';
  readonly reason: string | null;
  readonly place: Place;
  /** `ext4`, `swap`, `LVM2_member`, `crypto_LUKS`, `ntfs`, … as blkid names them; null when unknown. */
  readonly type: string | null;
  readonly uuid: string | null;
  readonly label: string | null;
  readonly filesystem: Filesystem | null;
};

export type Disk = {
  /** Index into the job's images: 0 is `image`, the rest `disks[]`. */
  readonly index: number;
  readonly table: TableKind;
  readonly sectorSize: number;
  readonly device: BlockDevice;
};

/** Everything found on the disks of one machine, in disk order, then by number. */
export type Storage = {
  readonly disks: readonly Disk[];
  readonly volumes: readonly (Volume & { readonly content: VolumeContent })[];
  readonly notes: readonly StorageNote[];
};
