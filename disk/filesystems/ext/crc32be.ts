/** Most significant bit first, polynomial 0x04c11db7. */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc >>> 0;
});

/** Takes `bytes` into a running CRC-32 in bit order of the wire: what journal checksum version 1 uses. */
export function crc32be(state: number, bytes: Uint8Array): number {
  let crc = state;
  for (const byte of bytes) crc = (crc << 8) ^ (table[(crc >>> 24) ^ byte] ?? 0);
  return crc >>> 0;
}
