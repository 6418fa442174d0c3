import type { BlockDevice } from '../device.ts';
import { containers, distantContainers } from './probe/containers.ts';
import { distantFilesystems, filesystems } from './probe/filesystems.ts';
import { Look, type Recognised } from './probe/look.ts';

/**
 * Looks at the content of a volume, never at a name or a partition type, and says what it is; null when
 * nothing is recognised. Types, UUIDs and labels are as blkid prints them; uuid and label are null where
 * they are not in the superblock itself (the label of NTFS and exFAT). A DiskError is the device's own.
 */
export function probe(device: BlockDevice): Recognised | null {
  const look = new Look(device);
  for (const prober of [...containers, ...filesystems, ...distantFilesystems, ...distantContainers]) {
    const found = prober(look);
    if (found !== null) return found;
  }
  return null;
}
