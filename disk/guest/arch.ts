import { be16, le16, u8 } from '../bytes.ts';
import type { GuestTree } from './tree.ts';

/** e_machine of the ELF specification and its supplements, as the kernel's `uname -m` calls the machine. */
const machines: ReadonlyMap<number, { b32?: string; b64?: string; big32?: string; big64?: string }> = new Map(
  [
    [2, { big32: 'sparc' }],
    [3, { b32: 'i686' }],
    [8, { b32: 'mipsel', b64: 'mips64el', big32: 'mips', big64: 'mips64' }],
    [20, { big32: 'ppc' }],
    [21, { b64: 'ppc64le', big64: 'ppc64' }],
    [22, { big32: 's390', big64: 's390x' }],
    [40, { b32: 'armv7l' }],
    [43, { big64: 'sparc64' }],
    [62, { b32: 'x86_64', b64: 'x86_64' }],
    [183, { b64: 'aarch64', big64: 'aarch64_be' }],
    [243, { b32: 'riscv32', b64: 'riscv64' }],
    [258, { b32: 'loongarch32', b64: 'loongarch64' }],
  ],
);

/** Programs that a system cannot be without; the first that is an ELF file answers. */
const samples = ['/bin/sh', '/sbin/init', '/bin/bash', '/bin/busybox', '/usr/bin/env', '/usr/bin/dpkg'];

/** The machine that the guest's programs are made for, or null. */
export function readArch(tree: GuestTree): string | null {
  for (const path of samples) {
    const header = tree.readHead(path, 20);
    const arch = header === null ? null : archOf(header);
    if (arch !== null) return arch;
  }
  return null;
}

/** Reads e_ident and e_machine of an ELF header; null for other files and unknown machines. */
export function archOf(header: Uint8Array): string | null {
  if (header.length < 20 || be16(header, 0) !== 0x7f45 || be16(header, 2) !== 0x4c46) return null;
  const wide = u8(header, 4) === 2;
  const big = u8(header, 5) === 2;
  const machine = machines.get(big ? be16(header, 18) : le16(header, 18));
  if (machine === undefined) return null;
  const name = big ? (wide ? machine.big64 : machine.big32) : wide ? machine.b64 : machine.b32;
  return name ?? null;
}
