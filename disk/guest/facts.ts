import type { FilesystemState } from '../filesystems/filesystem.ts';
import type { FormatName } from '../formats/format.ts';
import type { TableKind, Volume, VolumeContent } from '../volumes/volume.ts';
import type { Text, TextOrNull } from './text.ts';

/**
 * The facts of one inspection, as plain JSON with the names of the result document. Unknown is null, a section
 * that was not asked for is absent, an empty list means that nothing was found where it was looked for. Text of
 * the guest whose bytes are not UTF-8 has U+FFFD and, beside it, the bytes in `<field>_base64`.
 */
export type Inspection = {
  version: '1.0';
  /** Of the first image; its path, stored size and checksum are known to who opened it. */
  image: { format: FormatName; virtual_size_bytes: number };
  /** The first of `operating_systems`; packages, services, users, network, mounts and kernels are its. */
  operating_system: OperatingSystem | null;
  operating_systems: OperatingSystem[];
  packages?: Packages;
  services?: Services;
  users?: Users;
  network?: Network;
  mounts: Mount[];
  kernels: Kernel[];
  storage: StorageFacts;
  warnings: Warning[];
  /** Milliseconds by phase; what was read is counted by who serves the reads. */
  statistics: { duration_ms: { opening: number; reading: number; inspecting: number } };
};

export type OperatingSystem = {
  type: 'linux';
  /** Newest installed kernel. */
  kernel: string | null;
  /** As `uname -m` prints it: x86_64, i686, aarch64, armv7l, ppc64le, s390x, riscv64, … */
  arch: string | null;
  /** systemd, sysvinit, openrc, upstart, runit, busybox, or the name of the program that /sbin/init is. */
  init: string | null;
  timezone: string | null;
  /** Display name of the device that holds the root filesystem. */
  root: string;
} & TextOrNull<'distribution'> &
  TextOrNull<'product_name'> &
  TextOrNull<'version'> &
  TextOrNull<'codename'> &
  TextOrNull<'hostname'>;

/**
 * `count` is null when the database could not be read whole (what was read is listed all the same), or may lie
 * where nothing could be read.
 */
export type Packages = {
  count: number | null;
  manager: 'deb' | 'rpm' | 'apk' | 'pacman' | null;
  /** The names of `details`, in its order: one for each installed package and architecture. */
  packages: string[];
  details: Package[];
};

/**
 * `version` is what the package manager prints; for deb it holds epoch and revision (`1:2.3-4`), so `epoch` and
 * `release` are left out. So is `installed_at`: it would cost the inode of one file for each package.
 */
export type Package = Text<'name'> & TextOrNull<'version'> & { arch: string | null; source: string };

export type Services = { count: number; services: Service[] };

export type Service = Text<'name'> & {
  kind: 'systemd' | 'sysv' | 'openrc';
  /**
   * As `systemctl is-enabled` says: enabled, disabled, static, masked, alias, linked, indirect; not-found for a
   * link to nothing, unknown where the file cannot be read.
   */
  enabled: string;
  /** What starts it: units that want or require it, `rc2` … `rcS` for sysv, run levels for openrc. */
  targets: string[];
};

export type Users = { users: User[]; groups: Group[] };

export type User = Text<'name'> &
  Text<'home'> &
  Text<'shell'> &
  Text<'gecos'> & {
    uid: number;
    gid: number;
    /** No password can log in; null when neither passwd nor shadow says. */
    locked: boolean | null;
    /** Names of the primary group and of all that list the user. */
    groups: string[];
  };

export type Group = Text<'name'> & { gid: number; members: string[] };

export type Network = {
  interfaces: Interface[];
  dns: { servers: string[]; search: string[] };
  hosts: { address: string; names: string[] }[];
};

export type Interface = {
  name: string | null;
  mac: string | null;
  /** dhcp, static, manual, loopback, disabled, auto (IPv6 router advertisements only), … */
  method: string | null;
  /** With their prefix length where the configuration gives one. */
  addresses: string[];
  gateway: string | null;
  dns: string[];
  /** The file in the guest. */
  source: string;
};

export type Mount = Text<'spec'> &
  Text<'mount_point'> & {
    /** Display name of the volume that `spec` names, or null where it is none of the machine's. */
    device: string | null;
    type: string;
    options: string[];
    dump: number;
    pass: number;
  };

export type Kernel = Text<'version'> & { image: string | null; initramfs: string | null; modules: boolean };

export type StorageFacts = {
  /** `image` counts the job's images: 0 is `image`, the rest `disks[]`. */
  disks: { image: number; table: TableKind; sector_size: number }[];
  devices?: Device[];
};

export type Device = TextOrNull<'label'> & {
  id: string;
  name: string;
  kind: Volume['kind'];
  start_bytes: number | null;
  size_bytes: number;
  /** Partition type: MBR `0x83`, GPT the type's GUID. */
  type: string | null;
  /** PARTUUID; the filesystem's own is in `filesystem`. `label` likewise is PARTLABEL. */
  uuid: string | null;
  flags: string[];
  filesystem: FilesystemSection | null;
  status: VolumeContent['status'];
  reason: string | null;
};

/** What is on the volume; a recognised content that is not read has a type and little more. */
export type FilesystemSection = TextOrNull<'label'> & {
  type: string;
  uuid: string | null;
  block_size: number | null;
  size_bytes: number | null;
  used_bytes: number | null;
  features: string[];
  state: FilesystemState | null;
};

export type Warning = { code: string; message: string; where: string };
