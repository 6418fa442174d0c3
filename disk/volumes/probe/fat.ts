import { le16, le32 } from '../../bytes.ts';
import { type Look, type Recognised, serial } from './look.ts';

const isPowerOfTwo = (value: number) => value > 0 && (value & (value - 1)) === 0;

/**
 * FAT12, FAT16 or FAT32 by its BIOS parameter block (Microsoft's FAT specification, section 3): it has no
 * signature of its own, and ends in the same two bytes as an MBR, so every field must make sense.
 */
export function fat(look: Look): Recognised | null {
  const b = look.bytes(0, 512);
  if (b === null || le16(b, 510) !== 0xaa55 || (b[0] !== 0xeb && b[0] !== 0xe9)) return null;
  const sectorBytes = le16(b, 11);
  const media = b[21] ?? 0;
  const plausible =
    isPowerOfTwo(sectorBytes) &&
    sectorBytes >= 512 &&
    sectorBytes <= 4096 &&
    isPowerOfTwo(b[13] ?? 0) &&
    le16(b, 14) > 0 &&
    (b[16] === 1 || b[16] === 2) &&
    (media === 0xf0 || media >= 0xf8) &&
    le16(b, 19) + le32(b, 32) > 0;
  if (!plausible) return null;
  const at = le16(b, 22) === 0 ? 64 : 36;
  const extended = b[at + 2] === 0x29 || b[at + 2] === 0x28;
  const label = b[at + 2] === 0x29 ? look.text(at + 7, 11) : null;
  return {
    type: 'vfat',
    at: 0,
    uuid: extended ? serial(le32(b, at + 3)) : null,
    label: label === 'NO NAME' ? null : label,
  };
}
