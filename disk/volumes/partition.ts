import type { BlockDevice } from '../device.ts';
import { type DiskError, damage } from '../error.ts';
import type { TableKind } from './volume.ts';

/** One entry of a partition table; sizes in bytes. */
export type Partition = {
  /** As Linux counts: the slot in the table; logical partitions of an MBR from 5 on. */
  readonly number: number;
  readonly startBytes: number;
  readonly sizeBytes: number;
  readonly type: string;
  readonly uuid: string | null;
  readonly label: string | null;
  readonly flags: readonly string[];
  /** Why this partition cannot be read as it is stated; the others can. */
  readonly problem: DiskError | null;
};

export type Note = { readonly code: string; readonly message: string };

/** What one disk's table says. With a `problem` the table cannot be read, and there are no partitions. */
export type Table = {
  readonly kind: TableKind;
  readonly sectorSize: number;
  readonly partitions: readonly Partition[];
  readonly notes: readonly Note[];
  readonly problem: DiskError | null;
};

/** The damage of a partition that does not lie inside its disk, or null. `at` is its table entry. */
export function outside(
  layer: string,
  device: BlockDevice,
  at: number,
  startBytes: number,
  sizeBytes: number,
): DiskError | null {
  const end = startBytes + sizeBytes;
  if (sizeBytes > 0 && end <= device.size) return null;
  const expected = `a partition inside the disk of ${device.size} bytes`;
  return damage(layer, device, at, expected, `bytes ${startBytes} to ${end}`);
}
