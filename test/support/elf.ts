/** The header of an ELF executable: nothing behind it, which is all that names an architecture. */
export function elf(machine = 62, wide = 2, order = 1): Buffer {
  const header = Buffer.alloc(wide === 2 ? 64 : 52);
  header.set([0x7f, 0x45, 0x4c, 0x46, wide, order, 1]);
  if (order === 2) header.writeUInt16BE(machine, 18);
  else header.writeUInt16LE(machine, 18);
  return header;
}
