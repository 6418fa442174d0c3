import { be16, be32 } from '../../bytes.ts';
import { read } from '../../device.ts';
import { DiskError } from '../../error.ts';
import { RANGE_LAYER } from '../../range.ts';
import type { StoredFile } from '../stored.ts';

/** Names listed in the note; more are only counted. */
const MAX_NAMES = 8;
/** Bytes of a name shown; it may have 65,535. */
const MAX_NAME = 100;
/** Fixed part of an entry; docs/interop/qcow2.txt, "Snapshots". */
const ENTRY = 40;

/** The names of the first snapshots of the table, as far as they can be read; they only serve a note. */
export function snapshotNames(file: StoredFile, offset: number, count: number): string[] {
  const names: string[] = [];
  try {
    let at = offset;
    while (names.length < Math.min(count, MAX_NAMES)) {
      const entry = read(file, at, ENTRY);
      const idLength = be16(entry, 12);
      const nameLength = be16(entry, 14);
      const nameAt = at + ENTRY + be32(entry, 36) + idLength;
      names.push(Buffer.from(read(file, nameAt, Math.min(nameLength, MAX_NAME))).toString('utf8'));
      at = Math.ceil((nameAt + nameLength) / 8) * 8;
    }
  } catch (error) {
    // A table that ends outside the file is no reason to refuse the active state.
    if (!(error instanceof DiskError) || error.layer !== RANGE_LAYER) throw error;
  }
  return names;
}
