import { crc32 } from 'node:zlib';
import { guid, le32, le64 } from '../bytes.ts';
import { type BlockDevice, read } from '../device.ts';
import { endsInspection } from '../ends-inspection.ts';
import { DiskError, damage } from '../error.ts';
import { outside, type Partition, type Table } from './partition.ts';

/** Source: UEFI specification 2.10, section 5.3. */
const LAYER = 'gpt';
const SIGNATURE = 'EFI PART';
const MIN_HEADER = 92;
const MIN_ENTRY = 128;
/** Bytes of an entry array accepted, so at most 32,768 partitions; 16 KiB is usual. */
const MAX_ARRAY = 4 * 1024 ** 2;
const PIECE = 64 * 1024;
/** Partitions listed: what Linux has numbers for (DISK_MAX_PARTS). Each may hold the same system once more. */
const MAX_PARTITIONS = 256;
const UNUSED = '00000000-0000-0000-0000-000000000000';

const typeFlags = new Map([
  ['c12a7328-f81f-11d2-ba4b-00a0c93ec93b', 'efi_system'],
  ['21686148-6449-6e6f-744e-656564454649', 'bios_boot'],
]);

type Header = {
  readonly sectorSize: number;
  readonly entriesAt: number;
  readonly entrySize: number;
  readonly entries: number;
};

/**
 * The GUID partition table of a disk: of the primary header, or where that or its entries fail their
 * checksum, of the backup in the disk's last sector, with a note. The backup is not read otherwise. A
 * table with a `problem` when neither can be used; null where there is no sign of either.
 */
export function readGpt(device: BlockDevice, sectorSizes: readonly number[]): Table | null {
  let problem: DiskError | null = null;
  for (const copy of ['primary', 'backup'] as const) {
    for (const sectorSize of sectorSizes) {
      const lba = copy === 'primary' ? 1 : Math.floor(device.size / sectorSize) - 1;
      const table = readCopy(device, lba, sectorSize);
      if (table instanceof DiskError) problem ??= table;
      else if (table !== null) return copy === 'primary' ? table : withNote(table, problem);
    }
  }
  if (problem === null) return null;
  return { kind: 'gpt', sectorSize: sectorSizes[0] ?? 512, partitions: [], notes: [], problem };
}

function withNote(table: Table, problem: DiskError | null): Table {
  const why = problem?.message ?? 'it is missing';
  const message = `the primary partition table cannot be used, so the backup is read: ${why}`;
  return { ...table, notes: [...table.notes, { code: 'GPT_BACKUP_USED', message }] };
}

/** One copy: the table, the damage found, or null where there is no signature. */
function readCopy(device: BlockDevice, lba: number, sectorSize: number): Table | DiskError | null {
  try {
    const header = readHeader(device, lba, sectorSize);
    return header === null ? null : readEntries(device, header);
  } catch (error) {
    if (error instanceof DiskError && error.kind === 'damage' && !endsInspection(error)) return error;
    throw error;
  }
}

function readHeader(device: BlockDevice, lba: number, sectorSize: number): Header | null {
  const at = lba * sectorSize;
  if (lba < 1 || at + sectorSize > device.size) return null;
  const b = read(device, at, sectorSize);
  if (Buffer.from(b.subarray(0, 8)).toString('latin1') !== SIGNATURE) return null;
  const length = le32(b, 12);
  if (length < MIN_HEADER || length > sectorSize) {
    throw damage(LAYER, device, at + 12, `a header of 92 to ${sectorSize} bytes`, `${length} bytes`);
  }
  const stored = le32(b, 16);
  b.fill(0, 16, 20);
  const computed = crc32(b.subarray(0, length));
  if (computed !== stored) throw damage(LAYER, device, at + 16, `header CRC ${hex(computed)}`, hex(stored));
  if (le64(b, 24) !== lba)
    throw damage(LAYER, device, at + 24, `a header of sector ${lba}`, `${le64(b, 24)}`);

  const entries = le32(b, 80);
  const entrySize = le32(b, 84);
  if (entrySize < MIN_ENTRY || entrySize % 8 !== 0 || entrySize * entries > MAX_ARRAY) {
    const expected = `entries of 128 bytes or more, at most ${MAX_ARRAY} bytes together`;
    throw damage(LAYER, device, at + 80, expected, `${entries} of ${entrySize} bytes`);
  }
  const entriesAt = le64(b, 72) * sectorSize;
  if (entriesAt + entrySize * entries > device.size) {
    throw damage(LAYER, device, at + 72, `entries inside ${device.size} bytes`, `entries at ${entriesAt}`);
  }
  checkEntries(device, at, le32(b, 88), entriesAt, entrySize * entries);
  return { sectorSize, entriesAt, entrySize, entries };
}

function checkEntries(device: BlockDevice, headerAt: number, stored: number, at: number, length: number) {
  let computed = 0;
  for (let done = 0; done < length; done += PIECE) {
    computed = crc32(read(device, at + done, Math.min(PIECE, length - done)), computed);
  }
  if (computed === stored) return;
  throw damage(LAYER, device, headerAt + 88, `entries CRC ${hex(computed)}`, hex(stored));
}

function readEntries(device: BlockDevice, header: Header): Table {
  const { sectorSize, entriesAt, entrySize, entries } = header;
  const partitions: Partition[] = [];
  const table: Table = { kind: 'gpt', sectorSize, partitions, notes: [], problem: null };
  for (let index = 0; index < entries; index++) {
    const at = entriesAt + index * entrySize;
    const b = read(device, at, MIN_ENTRY);
    const type = guid(b, 0);
    if (type === UNUSED) continue;
    if (partitions.length === MAX_PARTITIONS) {
      const message = `more than ${MAX_PARTITIONS} partitions; the rest is left out`;
      return { ...table, notes: [{ code: 'PARTITIONS_LEFT_OUT', message }] };
    }
    const startBytes = le64(b, 32) * sectorSize;
    // The last sector is inclusive; one that comes before the first gives a size that is no size.
    const sizeBytes = Math.max((le64(b, 40) + 1) * sectorSize - startBytes, 0);
    const problem = outside(LAYER, device, at + 32, startBytes, sizeBytes);
    partitions.push({
      number: index + 1,
      startBytes: exact(startBytes),
      sizeBytes: exact(sizeBytes),
      type,
      uuid: guid(b, 16),
      label: label(b.subarray(56, 128)),
      flags: flagsOf(type, b[48] ?? 0),
      problem,
    });
  }
  return table;
}

/** A stated size may be any 64-bit count of sectors; past 2^53 − 1 it is damage, and no number to pass on. */
function exact(bytes: number): number {
  return Math.min(bytes, Number.MAX_SAFE_INTEGER);
}

function label(bytes: Uint8Array): string | null {
  const text = Buffer.from(bytes).toString('utf16le').split('\0')[0] ?? '';
  return text === '' ? null : text.toWellFormed();
}

/** Attribute bits 0 to 2 are the same for all types. */
function flagsOf(type: string, attributes: number): string[] {
  const flags: string[] = [];
  const byType = typeFlags.get(type);
  if (byType !== undefined) flags.push(byType);
  if ((attributes & 1) !== 0) flags.push('required');
  if ((attributes & 2) !== 0) flags.push('no_block_io');
  if ((attributes & 4) !== 0) flags.push('legacy_boot');
  return flags;
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
