import type { Limits } from '../../limits.ts';
import type { OpenedImage } from '../format.ts';
import type { StoredFile } from '../stored.ts';
import { Qcow2Device } from './device.ts';
import { type Qcow2Header, readHeader } from './header.ts';
import { snapshotNames } from './snapshots.ts';

/**
 * Opens a qcow2 image, version 2 or 3 (docs/interop/qcow2.txt of qemu). It is read as it stands: refcounts
 * are not looked at, so the dirty bit changes nothing, and of snapshots only the active state is read.
 */
export function openQcow2(file: StoredFile, limits: Limits): OpenedImage {
  const header = readHeader(file, limits);
  return { format: 'qcow2', device: new Qcow2Device(file, header), notes: notesOf(file, header) };
}

function notesOf(file: StoredFile, header: Qcow2Header): { code: string; message: string }[] {
  const notes: { code: string; message: string }[] = [];
  if (header.dirty) {
    notes.push({ code: 'IMAGE_DIRTY', message: 'the image was not closed cleanly; its data is read as is' });
  }
  if (header.corrupt) {
    notes.push({
      code: 'IMAGE_MARKED_CORRUPT',
      message: 'the image is marked corrupt; read as far as it goes',
    });
  }
  const { count, offset } = header.snapshots;
  if (count > 0) {
    const names = snapshotNames(file, offset, count).map((name) => JSON.stringify(name));
    const more = count > names.length ? ', …' : '';
    const message = `the active state is read, not its ${count} internal snapshots: ${names.join(', ')}${more}`;
    notes.push({ code: 'IMAGE_SNAPSHOTS', message });
  }
  return notes;
}
