import type { BlockDevice } from '../device.ts';
import type { Limits } from '../limits.ts';
import { openExt } from './ext/ext.ts';
import type { Filesystem } from './filesystem.ts';

/** Opens a filesystem of a device; throws DiskErrors only. */
export type OpenFilesystem = (device: BlockDevice, limits: Limits) => Filesystem;

/** The readers by the type that the volume's content was recognised as. */
export const filesystemReaders: ReadonlyMap<string, OpenFilesystem> = new Map([
  ['ext2', openExt],
  ['ext3', openExt],
  ['ext4', openExt],
]);
