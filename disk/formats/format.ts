import type { BlockDevice } from '../device.ts';

/** Names a job may give as image.format. Only qcow2 and raw are read so far; the rest is recognised by content and refused by name. */
export const formatNames = ['raw', 'qcow2', 'vmdk', 'vdi', 'vhdx', 'vhd'] as const;
export type FormatName = (typeof formatNames)[number];

/** An opened disk image. */
export type OpenedImage = {
  readonly format: FormatName;
  readonly device: BlockDevice;
  /** Worth a warning: the qcow2 dirty or corrupt bit, internal snapshots that are not read, … */
  readonly notes: readonly { readonly code: string; readonly message: string }[];
};
