import { be32, le32 } from '../bytes.ts';
import { read, type Source } from '../device.ts';
import type { FormatName } from './format.ts';

/** Bytes of the start that all signatures lie in. */
const HEAD = 512;

/** A VHD's footer is the last sector of the file; before 2004 it was one byte shorter. */
const FOOTER = 512;

const TEXT_DESCRIPTOR = '# Disk DescriptorFile';
const VDI_SIGNATURE = 0xbeda107f;

/**
 * What the content says it is. `weak` is a signature outside the first sector's start, which a raw disk
 * may hold as well: a fixed VHD is a raw disk with a footer behind it.
 */
export type Detected = { readonly format: FormatName; readonly at: number; readonly weak: boolean };

/** The format by its signature, or null: no signature, so raw as far as anybody can tell. */
export function detect(source: Source): Detected | null {
  const head = Buffer.alloc(HEAD);
  source.readInto(head.subarray(0, Math.min(HEAD, source.size)), 0);
  const text = head.toString('latin1');
  if (text.startsWith('QFI\xfb')) return { format: 'qcow2', at: 0, weak: false };
  if (text.startsWith('KDMV') || text.startsWith('COWD') || text.trimStart().startsWith(TEXT_DESCRIPTOR)) {
    return { format: 'vmdk', at: 0, weak: false };
  }
  if (text.startsWith('vhdxfile')) return { format: 'vhdx', at: 0, weak: false };
  if (text.startsWith('conectix')) return { format: 'vhd', at: 0, weak: false };
  if (le32(head, 64) === VDI_SIGNATURE) return { format: 'vdi', at: 64, weak: false };
  for (const length of [FOOTER, FOOTER - 1]) {
    const at = source.size - length;
    // 'conectix' with the version that follows the features, 1.0.
    if (at > 0 && Buffer.from(read(source, at, 8)).toString('latin1') === 'conectix') {
      if (be32(read(source, at + 12, 4), 0) === 0x10000) return { format: 'vhd', at, weak: true };
    }
  }
  return null;
}
