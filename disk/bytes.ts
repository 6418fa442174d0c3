/** Unsigned reads at byte offsets of a buffer. Two u32 reads beat getBigUint64 four times over. */

const TWO_32 = 0x1_0000_0000;

export function u8(b: Uint8Array, at: number): number {
  const v = b[at];
  if (v === undefined) throw new RangeError(`byte ${at} is outside a buffer of ${b.length}`);
  return v;
}

export function le16(b: Uint8Array, at: number): number {
  return u8(b, at) | (u8(b, at + 1) << 8);
}

export function le32(b: Uint8Array, at: number): number {
  return (u8(b, at) | (u8(b, at + 1) << 8) | (u8(b, at + 2) << 16) | (u8(b, at + 3) << 24)) >>> 0;
}

/** A 64-bit value as a number: exact up to 2^53 − 1, above it rounded (callers treat that as damage). */
export function le64(b: Uint8Array, at: number): number {
  return le32(b, at) + le32(b, at + 4) * TWO_32;
}

export function be16(b: Uint8Array, at: number): number {
  return (u8(b, at) << 8) | u8(b, at + 1);
}

export function be32(b: Uint8Array, at: number): number {
  return ((u8(b, at) << 24) | (u8(b, at + 1) << 16) | (u8(b, at + 2) << 8) | u8(b, at + 3)) >>> 0;
}

/** See {@link le64}. */
export function be64(b: Uint8Array, at: number): number {
  return be32(b, at) * TWO_32 + be32(b, at + 4);
}

/** A UUID stored in the order of its text (ext, swap, btrfs). */
export function uuid(b: Uint8Array, at: number): string {
  const hex = Buffer.from(b.buffer, b.byteOffset + at, 16).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** A GUID stored with its first three fields little-endian (GPT, NTFS, VHDX). */
export function guid(b: Uint8Array, at: number): string {
  const hex = (from: number, length: number) =>
    Buffer.from(b.buffer, b.byteOffset + at + from, length).toString('hex');
  const h32 = le32(b, at).toString(16).padStart(8, '0');
  const h16a = le16(b, at + 4)
    .toString(16)
    .padStart(4, '0');
  const h16b = le16(b, at + 6)
    .toString(16)
    .padStart(4, '0');
  return `${h32}-${h16a}-${h16b}-${hex(8, 2)}-${hex(10, 6)}`;
}
