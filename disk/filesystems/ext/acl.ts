import { le16, le32 } from '../../bytes.ts';
import type { ExtVolume } from './volume.ts';

/** ACL tags whose entries name a user or group; the others have no id on disk. */
const named = new Set([0x02, 0x08]);

/**
 * Rewrites a POSIX ACL from its form on disk (version 1, ids left out where they mean nothing) to the one
 * getxattr(2) gives (version 2, eight bytes an entry): a file's attribute then compares equal anywhere.
 */
export function posixAcl(volume: ExtVolume, stored: Uint8Array, at: number): Uint8Array {
  const bad = () => volume.damage(at, 'a POSIX ACL of version 1', `${stored.length} bytes of something else`);
  if (stored.length < 4 || le32(stored, 0) !== 1) throw bad();
  const entries: number[] = [];
  let from = 4;
  while (from < stored.length) {
    if (from + 4 > stored.length) throw bad();
    const hasId = named.has(le16(stored, from));
    if (from + (hasId ? 8 : 4) > stored.length) throw bad();
    entries.push(...stored.subarray(from, from + 4));
    if (hasId) entries.push(...stored.subarray(from + 4, from + 8));
    else entries.push(0xff, 0xff, 0xff, 0xff);
    from += hasId ? 8 : 4;
  }
  return Uint8Array.from([2, 0, 0, 0, ...entries]);
}
