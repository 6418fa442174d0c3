import { type BlockDevice, read } from '../device.ts';
import { damage } from '../error.ts';
import type { Limits } from '../limits.ts';
import { readGpt } from './gpt.ts';
import { type MbrEntry, mbrEntries, PROTECTIVE, readMbr } from './mbr.ts';
import type { Note, Partition, Table } from './partition.ts';
import { probe } from './probe.ts';
import { slice } from './slice.ts';

/** Filesystems whose own boot sector ends like an MBR, and may even hold a make-believe one. */
const bootSectors = new Set(['vfat', 'ntfs', 'exfat', 'ReFS', 'BitLocker']);

/**
 * Finds the partition table of a disk. An MBR with partitions is one; a protective entry in it means GPT;
 * a GPT without one counts only where nothing else is recognised, since it may be left over from before a
 * filesystem was made. Where the device does not state its sector size, 512 and 4096 are tried.
 */
export function readTable(device: BlockDevice, limits: Limits): Table {
  const sizes = device.sectorSize === null ? [512, 4096] : [device.sectorSize];
  const none: Table = { kind: 'none', sectorSize: sizes[0] ?? 512, partitions: [], notes: [], problem: null };
  if (device.size < 512) return none;
  const sector = read(device, 0, 512);
  const entries = mbrEntries(sector);
  const protective = entries?.some(({ type }) => type === PROTECTIVE) ?? false;

  if (protective && entries !== null) return withOverlaps(protectedTable(device, entries, sizes));
  const whole = entries === null || entries.length === 0 || bootSectors.has(probe(device)?.type ?? '');
  if (entries !== null && !whole) {
    return withOverlaps(readMbr(device, sector, entries, mbrSectorSize(device, entries, sizes), limits));
  }
  if (probe(device) !== null) return none;
  const gpt = readGpt(device, sizes);
  if (gpt !== null) {
    const message = 'the disk has a GPT but no protective MBR; the GPT is used';
    return withOverlaps({ ...gpt, notes: [...gpt.notes, { code: 'GPT_NO_PROTECTIVE_MBR', message }] });
  }
  return entries === null ? none : { ...none, kind: 'mbr' };
}

/** The GPT that the MBR announces; without one, that is damage. */
function protectedTable(device: BlockDevice, entries: readonly MbrEntry[], sizes: readonly number[]): Table {
  const gpt = readGpt(device, sizes);
  if (gpt === null) {
    const at = sizes[0] ?? 512;
    const problem = damage('gpt', device, at, 'a GPT header, as the MBR says', 'no signature at either end');
    return { kind: 'gpt', sectorSize: at, partitions: [], notes: [], problem };
  }
  if (entries.length === 1) return gpt;
  const message = 'the MBR lists partitions beside the GPT (hybrid MBR); the GPT is used';
  return { ...gpt, notes: [...gpt.notes, { code: 'GPT_HYBRID_MBR', message }] };
}

/** An MBR counts in sectors and does not say how large they are: the size whose partitions hold something. */
function mbrSectorSize(device: BlockDevice, entries: readonly MbrEntry[], sizes: readonly number[]): number {
  const first = sizes[0] ?? 512;
  return sizes.find((size) => entries.some((entry) => holdsSomething(device, entry, size))) ?? first;
}

function holdsSomething(device: BlockDevice, entry: MbrEntry, sectorSize: number): boolean {
  const start = entry.start * sectorSize;
  if (start + 512 > device.size) return false;
  // An extended partition begins with a boot record of its own.
  if (start > 0 && mbrEntries(read(device, start, 512)) !== null) return true;
  return probe(slice(device, start, entry.sectors * sectorSize)) !== null;
}

/** Notes each partition that begins before another's end. An extended partition holds its logical ones. */
function withOverlaps(table: Table): Table {
  const notes: Note[] = [];
  let widest: Partition | null = null;
  const ordered = table.partitions.filter(
    ({ flags, problem }) => !flags.includes('extended') && problem === null,
  );
  for (const partition of ordered.toSorted((a, b) => a.startBytes - b.startBytes)) {
    const end: number = widest === null ? 0 : widest.startBytes + widest.sizeBytes;
    if (widest !== null && partition.startBytes < end) {
      const message = `partitions ${widest.number} and ${partition.number} overlap`;
      notes.push({ code: 'PARTITIONS_OVERLAP', message });
    }
    if (partition.startBytes + partition.sizeBytes > end) widest = partition;
  }
  return notes.length === 0 ? table : { ...table, notes: [...table.notes, ...notes] };
}
