import { le16, le32 } from '../bytes.ts';
import { type BlockDevice, read } from '../device.ts';
import { DiskError, damage, limit } from '../error.ts';
import type { Limits } from '../limits.ts';
import { outside, type Partition, type Table } from './partition.ts';

const LAYER = 'mbr';
const ENTRIES_AT = 446;
const ENTRY = 16;
const FIRST_LOGICAL = 5;
const EXTENDED = new Set([0x05, 0x0f, 0x85]);

/** Type of the entry that covers a disk partitioned by GPT. */
export const PROTECTIVE = 0xee;

/** A used entry: `slot` 0 to 3; start and length in sectors, relative to whatever the table counts from. */
export type MbrEntry = {
  readonly slot: number;
  readonly active: boolean;
  readonly type: number;
  readonly start: number;
  readonly sectors: number;
};

/**
 * The used entries of a boot sector, or null where it is no partition table: no signature, or an entry whose
 * first byte is neither 0 nor 0x80, as where a filesystem's boot code fills the same place.
 */
export function mbrEntries(sector: Uint8Array): MbrEntry[] | null {
  if (le16(sector, 510) !== 0xaa55) return null;
  const entries: MbrEntry[] = [];
  for (let slot = 0; slot < 4; slot++) {
    const at = ENTRIES_AT + slot * ENTRY;
    const status = sector[at] ?? 0;
    if (status !== 0 && status !== 0x80) return null;
    const type = sector[at + 4] ?? 0;
    const sectors = le32(sector, at + 12);
    if (type !== 0 && sectors > 0) {
      entries.push({ slot, active: status === 0x80, type, start: le32(sector, at + 8), sectors });
    }
  }
  return entries;
}

/** The partitions of an MBR, with the logical ones in its extended partitions after the primary ones. */
export function readMbr(
  device: BlockDevice,
  sector: Uint8Array,
  entries: readonly MbrEntry[],
  sectorSize: number,
  limits: Limits,
): Table {
  const signature = le32(sector, 440).toString(16).padStart(8, '0');
  const primary: Partition[] = [];
  const logical: Partition[] = [];
  const partition = (number: number, entry: MbrEntry, base: number, tableAt: number, extended = false) => {
    const startBytes = (base + entry.start) * sectorSize;
    const sizeBytes = entry.sectors * sectorSize;
    const at = tableAt + ENTRIES_AT + entry.slot * ENTRY;
    return {
      number,
      startBytes,
      sizeBytes,
      type: `0x${entry.type.toString(16).padStart(2, '0')}`,
      uuid: `${signature}-${number.toString(16).padStart(2, '0')}`,
      label: null,
      flags: flagsOf(entry, extended),
      problem: outside(LAYER, device, at, startBytes, sizeBytes),
    };
  };
  for (const entry of entries) {
    const extended = EXTENDED.has(entry.type);
    const found = partition(entry.slot + 1, entry, 0, 0, extended);
    const broken = extended
      ? walkChain(device, entry.start, sectorSize, limits, (inner, base) => {
          const number = FIRST_LOGICAL + logical.length;
          logical.push(partition(number, inner, base, base * sectorSize));
        })
      : null;
    primary.push({ ...found, problem: found.problem ?? broken });
  }
  return { kind: 'mbr', sectorSize, partitions: [...primary, ...logical], notes: [], problem: null };
}

function flagsOf(entry: MbrEntry, extended: boolean): string[] {
  const flags: string[] = [];
  if (entry.active) flags.push('boot');
  if (extended) flags.push('extended');
  if (entry.type === 0xef) flags.push('efi_system');
  return flags;
}

/**
 * Follows the chain of extended boot records from `container` (a sector): each holds one logical partition,
 * counted from itself, and a link, counted from the container. A chain that comes back to itself ends;
 * gives what broke the chain, or null. At most `maxDepth` records are read.
 */
function walkChain(
  device: BlockDevice,
  container: number,
  sectorSize: number,
  limits: Limits,
  found: (entry: MbrEntry, base: number) => void,
): DiskError | null {
  const seen = new Set<number>();
  let record: number | null = container;
  while (record !== null) {
    const at: number = record * sectorSize;
    if (seen.has(record)) {
      return damage(LAYER, device, at, 'a chain of extended boot records that ends', 'one met before');
    }
    if (seen.size >= limits.maxDepth) {
      return limit(LAYER, 'maxDepth', `more than ${limits.maxDepth} logical partitions`);
    }
    seen.add(record);
    const entries = readRecord(device, at);
    if (entries instanceof DiskError) return entries;
    const link = entries.find(({ type }) => EXTENDED.has(type));
    const logical = entries.find(({ type }) => !EXTENDED.has(type));
    if (logical !== undefined) found(logical, record);
    record = link === undefined ? null : container + link.start;
  }
  return null;
}

function readRecord(device: BlockDevice, at: number): MbrEntry[] | DiskError {
  if (at + 512 > device.size) {
    return damage(LAYER, device, at, `an extended boot record inside ${device.size} bytes`, `byte ${at}`);
  }
  const entries = mbrEntries(read(device, at, 512));
  return entries ?? damage(LAYER, device, at, 'an extended boot record', 'no signature or a bad entry');
}
