import { le32, le64 } from '../../bytes.ts';
import { fat } from './fat.ts';
import { type Look, type Prober, type Recognised, serial, signature } from './look.ts';

const EXT = 1024;
const JOURNAL = 0x4;
const JOURNAL_DEVICE = 0x8;
/** What an ext3 may have; any other incompatible or read-only feature makes it an ext4. */
const EXT3_INCOMPATIBLE = 0x2 | 0x4 | 0x10;
const EXT3_READ_ONLY = 0x1 | 0x2 | 0x4;

/** ext2, ext3, ext4 and external journals (jbd), by magic and features (fs/ext4/ext4.h). */
function ext(look: Look): Recognised | null {
  const b = look.bytes(EXT, 136);
  // Two bytes of magic are few: the revision, 0 or 1, must fit as well.
  if (b === null || b[56] !== 0x53 || b[57] !== 0xef || le32(b, 76) > 1) return null;
  const compatible = le32(b, 92);
  const incompatible = le32(b, 96);
  const readOnly = le32(b, 100);
  let type = (compatible & JOURNAL) !== 0 ? 'ext3' : 'ext2';
  if ((incompatible & ~EXT3_INCOMPATIBLE) !== 0 || (readOnly & ~EXT3_READ_ONLY) !== 0) type = 'ext4';
  if ((incompatible & JOURNAL_DEVICE) !== 0) type = 'jbd';
  return { type, at: EXT, uuid: look.uuid(EXT + 104), label: look.text(EXT + 120, 16) };
}

/** Swap space: its mark ends the first page, whose size is the machine's. */
function swap(look: Look): Recognised | null {
  for (const page of [4096, 8192, 16384, 32768, 65536]) {
    const at = page - 10;
    if (look.has(at, 'SWAPSPACE2')) {
      return { type: 'swap', at, uuid: look.uuid(1036), label: look.text(1052, 16) };
    }
    if (look.has(at, 'SWAP-SPACE')) return { type: 'swap', at, uuid: null, label: null };
    if (look.has(at, 'S1SUSPEND') || look.has(at, 'S2SUSPEND') || look.has(at, 'LINHIB0001')) {
      return { type: 'swsuspend', at, uuid: look.uuid(1036), label: look.text(1052, 16) };
    }
  }
  return null;
}

const ISO = 32768;

/** The volume's date of change, or else of creation, serves as UUID, as blkid prints it. */
function isoDate(look: Look): string | null {
  for (const at of [ISO + 830, ISO + 813]) {
    const digits = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(look.text(at, 16) ?? '');
    if (digits !== null && digits[1] !== '0000') return digits.slice(1).join('-');
  }
  return null;
}

function number32(look: Look, at: number): number {
  const bytes = look.bytes(at, 4);
  return bytes === null ? 0 : le32(bytes, 0);
}

function ntfsSerial(look: Look): string | null {
  const bytes = look.bytes(72, 8);
  return bytes === null ? null : Buffer.from(bytes).reverse().toString('hex').toUpperCase();
}

function refsOrNtfs(type: string, magic: string): Prober {
  return (look) => {
    if (!look.has(3, magic)) return null;
    // A boot sector that counts no sectors is only the rest of one.
    const sectors = look.bytes(40, 8);
    if (sectors === null || le64(sectors, 0) === 0) return null;
    return { type, at: 0, uuid: type === 'ntfs' ? ntfsSerial(look) : null, label: null };
  };
}

function reiserfs(look: Look): Recognised | null {
  for (const base of [65536, 8192]) {
    for (const magic of ['ReIsErFs', 'ReIsEr2Fs', 'ReIsEr3Fs']) {
      if (!look.has(base + 52, magic)) continue;
      return { type: 'reiserfs', at: base, uuid: look.uuid(base + 84), label: look.text(base + 100, 16) };
    }
  }
  return null;
}

/** Filesystems and swap that the first 64 KiB give away. */
export const filesystems: readonly Prober[] = [
  signature('xfs', 0, 'XFSB', { uuid: (look) => look.uuid(32), label: (look) => look.text(108, 12) }),
  refsOrNtfs('ntfs', 'NTFS    '),
  refsOrNtfs('ReFS', 'ReFS\0\0\0\0'),
  signature('exfat', 3, 'EXFAT   ', { uuid: (look) => serial(number32(look, 100)) }),
  fat,
  ext,
  swap,
  signature('squashfs', 0, 'hsqs'),
  signature('erofs', 1024, '\xe2\xe1\xf5\xe0', {
    uuid: (look) => look.uuid(1072),
    label: (look) => look.text(1088, 16),
  }),
  signature('f2fs', 1024, '\x10\x20\xf5\xf2', {
    uuid: (look) => look.uuid(1132),
    label: (look) => look.text(1148, 512, 'utf16le'),
  }),
  signature('hfsplus', 1024, 'H+'),
  signature('hfsplus', 1024, 'HX'),
  signature('apfs', 32, 'NXSB', { uuid: (look) => look.uuid(72) }),
  signature('iso9660', ISO + 1, 'CD001', { uuid: isoDate, label: (look) => look.text(ISO + 40, 32) }),
  signature('udf', ISO + 1, 'BEA01'),
  signature('jfs', ISO, 'JFS1', {
    uuid: (look) => look.uuid(ISO + 136),
    label: (look) => look.text(ISO + 152, 16),
  }),
];

/** Filesystems with their superblock at 64 KiB or behind. */
export const distantFilesystems: readonly Prober[] = [
  signature('btrfs', 65600, '_BHRfS_M', {
    uuid: (look) => look.uuid(65568),
    label: (look) => look.text(65835, 256),
  }),
  reiserfs,
  signature('ufs', 65536 + 1372, '\x19\x01\x54\x19'),
];
