/** Castagnoli polynomial, reflected. */
const t0 = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});
// Slicing by eight: each further table gives the effect of a byte followed by one more zero byte.
const t1 = oneMoreZero(t0);
const t2 = oneMoreZero(t1);
const t3 = oneMoreZero(t2);
const t4 = oneMoreZero(t3);
const t5 = oneMoreZero(t4);
const t6 = oneMoreZero(t5);
const t7 = oneMoreZero(t6);

function oneMoreZero(table: Uint32Array): Uint32Array {
  return table.map((crc) => (crc >>> 8) ^ (t0[crc & 255] ?? 0));
}

/**
 * Takes `bytes` into a running CRC-32C (RFC 3720, appendix B.4). The state goes in and comes out as it is:
 * start with 0xffffffff, and invert the end where the format asks for it (ext4 does not).
 */
export function crc32c(state: number, bytes: Uint8Array, from = 0, to = bytes.length): number {
  let crc = state;
  let at = from;
  // Every index is inside by construction; a check for each would cost a third of the speed.
  for (const end = to - 7; at < end; at += 8) {
    const low =
      crc ^
      ((bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24));
    crc =
      (t7[low & 255] as number) ^
      (t6[(low >>> 8) & 255] as number) ^
      (t5[(low >>> 16) & 255] as number) ^
      (t4[low >>> 24] as number) ^
      (t3[bytes[at + 4] as number] as number) ^
      (t2[bytes[at + 5] as number] as number) ^
      (t1[bytes[at + 6] as number] as number) ^
      (t0[bytes[at + 7] as number] as number);
  }
  for (; at < to; at++) crc = (crc >>> 8) ^ (t0[(crc ^ (bytes[at] as number)) & 255] as number);
  return crc >>> 0;
}

/** Takes a number as four little-endian bytes into a running CRC-32C. */
export function crc32cLe32(state: number, value: number): number {
  let crc = state;
  for (let shift = 0; shift < 32; shift += 8) {
    crc = (crc >>> 8) ^ (t0[(crc ^ (value >>> shift)) & 255] as number);
  }
  return crc >>> 0;
}
