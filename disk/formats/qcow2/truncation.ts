import { be64 } from '../../bytes.ts';
import { read } from '../../device.ts';
import type { StoredFile } from '../stored.ts';
import type { Qcow2Header } from './header.ts';

/** qemu's own limit for a refcount table. */
const MAX_TABLE = 8 * 1024 ** 2;
const PIECE = 64 * 1024;

/**
 * Whether the refcounts speak of clusters behind the end of the file. Only a hint, but a cheap one, since
 * they lie beside the header: an image not closed cleanly may count clusters that were never written.
 * docs/interop/qcow2.txt, "Host cluster management".
 */
export function looksTruncated(file: StoredFile, header: Qcow2Header): boolean {
  const { clusterSize } = header;
  const { offset, clusters } = header.refcountTable;
  const length = clusters * clusterSize;
  if (length === 0 || length > MAX_TABLE) return false;
  if (offset + length > file.size) return true;
  const entry = lastUsed(file, offset, length);
  if (entry === null) return false;
  const index = Math.floor(entry / 8);
  const block = be64(read(file, offset + index * 8, 8), 0);
  if (block + clusterSize > file.size) return true;
  const byte = lastUsed(file, block, clusterSize);
  if (byte === null) return false;
  const perBlock = (clusterSize * 8) / header.refcountBits;
  const cluster = index * perBlock + Math.floor((byte * 8) / header.refcountBits);
  return cluster * clusterSize >= file.size;
}

/** Where the last byte other than zero lies, from `offset` on; null when there is none. */
function lastUsed(file: StoredFile, offset: number, length: number): number | null {
  for (let start = Math.floor((length - 1) / PIECE) * PIECE; start >= 0; start -= PIECE) {
    const piece = read(file, offset + start, Math.min(PIECE, length - start));
    const last = piece.findLastIndex((byte) => byte !== 0);
    if (last >= 0) return start + last;
  }
  return null;
}
