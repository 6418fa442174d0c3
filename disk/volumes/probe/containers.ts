import { le32, uuid } from '../../bytes.ts';
import { type Look, type Prober, type Recognised, signature } from './look.ts';

const SECTOR = 512;
const MD_MAGIC = '\xfc\x4e\x2b\xa9';

/** LVM2: a label in one of the first four sectors (lib/format_text/layout.h). */
function lvm2(look: Look): Recognised | null {
  for (let sector = 0; sector < 4; sector++) {
    const at = sector * SECTOR;
    if (!look.has(at, 'LABELONE') || !look.has(at + 24, 'LVM2 001')) continue;
    const id = look.text(at + 32, 32) ?? '';
    const groups = /^(.{6})(.{4})(.{4})(.{4})(.{4})(.{4})(.{6})$/.exec(id);
    return { type: 'LVM2_member', at, uuid: groups === null ? null : groups.slice(1).join('-'), label: null };
  }
  return null;
}

/** Linux software RAID, version 1: superblock 1.1 at the start, 1.2 at 4 KiB, 1.0 near the end. */
function md1(look: Look): Recognised | null {
  const end = Math.floor(look.size / SECTOR) - 16;
  for (const at of [0, 4096, (end - (end % 8)) * SECTOR]) {
    if (!look.has(at, MD_MAGIC)) continue;
    const major = look.bytes(at + 4, 4);
    if (major === null || le32(major, 0) !== 1) continue;
    return { type: 'linux_raid_member', at, uuid: look.uuid(at + 16), label: look.text(at + 32, 32) };
  }
  return null;
}

/** Linux software RAID, version 0.90: in the last whole 64 KiB but one; its UUID is in four pieces. */
function md0(look: Look): Recognised | null {
  const at = Math.floor(look.size / 65536) * 65536 - 65536;
  if (!look.has(at, MD_MAGIC)) return null;
  const head = look.bytes(at + 20, 4);
  const tail = look.bytes(at + 52, 12);
  if (head === null || tail === null) return null;
  // Stored as four native words, printed as big-endian ones.
  const id = Buffer.concat([head, tail]).swap32();
  return { type: 'linux_raid_member', at, uuid: uuid(id, 0), label: null };
}

/** ZFS has no superblock: an array of uberblocks, 1 KiB or more each, in the second half of a label. */
function zfs(look: Look): Recognised | null {
  const START = 128 * 1024;
  for (let at = START; at < 2 * START; at += 1024) {
    if (look.has(at, '\x0c\xb1\xba\0\0\0\0\0') || look.has(at, '\0\0\0\0\0\xba\xb1\x0c')) {
      return { type: 'zfs_member', at, uuid: null, label: null };
    }
  }
  return null;
}

/**
 * What holds other volumes. Asked before the filesystems: a member of a RAID 1 begins with the filesystem
 * of the whole, and must not be taken for it.
 */
export const containers: readonly Prober[] = [
  signature('crypto_LUKS', 0, 'LUKS\xba\xbe', {
    uuid: (look) => look.text(168, 40),
    // Version 1 has the cipher's name where version 2 has the label.
    label: (look) => (look.has(6, '\0\x02') ? look.text(24, 48) : null),
  }),
  signature('BitLocker', 3, '-FVE-FS-'),
  lvm2,
  md1,
  md0,
  signature('bcache', 4120, '\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81', {
    uuid: (look) => look.uuid(4136),
  }),
];

/** Asked last, since they lie far from the start and cost a read of their own. */
export const distantContainers: readonly Prober[] = [
  zfs,
  signature('VMFS_volume_member', 0x100000, '\x0d\xd0\x01\xc0'),
  signature('VMFS', 0x200000, '\x5e\xf1\xab\x2f'),
];
