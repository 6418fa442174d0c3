/** Hash versions of an indexed directory (filesystems/ext4/directory.rst). */
export type HashVersion = 'legacy' | 'half_md4' | 'tea';

type Four = readonly [number, number, number, number];

/** The hash of the end: no name has it. */
const endOfHashes = 0x7fffffff;

/**
 * The major hash of a name, as an htree is sorted by it; its lowest bit is always 0.
 * `signed`: whether bytes above 127 count as negative, as they did on the machine that made the filesystem.
 * `seed`: the superblock's, all zero for the defaults.
 */
export function directoryHash(name: Uint8Array, version: HashVersion, signed: boolean, seed: Four): number {
  const hash = version === 'legacy' ? legacy(name, signed) : blockwise(name, version, signed, seed);
  const major = (hash & ~1) >>> 0;
  return major === (endOfHashes << 1) >>> 0 ? ((endOfHashes - 1) << 1) >>> 0 : major;
}

function char(byte: number, signed: boolean): number {
  return signed && byte > 127 ? byte - 256 : byte;
}

function legacy(name: Uint8Array, signed: boolean): number {
  let hash = 0x12a3fe2d;
  let previous = 0x37abe8f9;
  for (const byte of name) {
    let next = (previous + (hash ^ Math.imul(char(byte, signed), 7_152_373))) >>> 0;
    if (next & 0x80000000) next = (next - 0x7fffffff) >>> 0;
    previous = hash;
    hash = next;
  }
  return (hash << 1) >>> 0;
}

function blockwise(name: Uint8Array, version: 'half_md4' | 'tea', signed: boolean, seed: Four): number {
  const state: Four = seed.some((word) => word !== 0)
    ? seed
    : [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];
  const buffer = Uint32Array.from(state);
  const words = new Uint32Array(version === 'tea' ? 4 : 8);
  for (let at = 0; at < name.length; at += words.length * 4) {
    fill(words, name, at, signed);
    if (version === 'tea') tea(buffer, words);
    else halfMd4(buffer, words);
  }
  return (version === 'tea' ? buffer[0] : buffer[1]) ?? 0;
}

/** Packs the rest of the name into words, padded with its length in every byte. */
function fill(words: Uint32Array, name: Uint8Array, from: number, signed: boolean): void {
  const rest = name.length - from;
  const pad = Math.imul(rest & 0xff, 0x01010101);
  const used = Math.min(rest, words.length * 4);
  words.fill(pad);
  let value = pad;
  for (let i = 0; i < used; i++) {
    value = (char(name[from + i] ?? 0, signed) + (value << 8)) | 0;
    if (i % 4 === 3 || i === used - 1) words[i >>> 2] = value;
    if (i % 4 === 3) value = pad;
  }
}

function tea(buffer: Uint32Array, words: Uint32Array): void {
  const [k0 = 0, k1 = 0, k2 = 0, k3 = 0] = words;
  let [b0 = 0, b1 = 0] = buffer;
  let sum = 0;
  for (let round = 0; round < 16; round++) {
    sum = (sum + 0x9e3779b9) | 0;
    b0 = (b0 + (((b1 << 4) + k0) ^ (b1 + sum) ^ ((b1 >>> 5) + k1))) >>> 0;
    b1 = (b1 + (((b0 << 4) + k2) ^ (b0 + sum) ^ ((b0 >>> 5) + k3))) >>> 0;
  }
  buffer[0] = (buffer[0] ?? 0) + b0;
  buffer[1] = (buffer[1] ?? 0) + b1;
}

/** The order words are taken in, with each round's constant and shifts: MD4 (RFC 1320) cut to 24 steps. */
const md4Rounds = [
  { constant: 0, order: [0, 1, 2, 3, 4, 5, 6, 7], shifts: [3, 7, 11, 19] },
  { constant: 0x5a827999, order: [1, 3, 5, 7, 0, 2, 4, 6], shifts: [3, 5, 9, 13] },
  { constant: 0x6ed9eba1, order: [3, 7, 2, 6, 1, 5, 0, 4], shifts: [3, 9, 11, 15] },
];

function halfMd4(buffer: Uint32Array, words: Uint32Array): void {
  let [a = 0, b = 0, c = 0, d = 0] = buffer;
  md4Rounds.forEach(({ constant, order, shifts }, round) => {
    order.forEach((word, step) => {
      const mixed = round === 0 ? d ^ (b & (c ^ d)) : round === 1 ? ((b & c) + ((b ^ c) & d)) | 0 : b ^ c ^ d;
      const sum = (a + mixed + (words[word] ?? 0) + constant) | 0;
      const shift = shifts[step % 4] ?? 0;
      a = d;
      d = c;
      c = b;
      b = (sum << shift) | (sum >>> (32 - shift));
    });
  });
  buffer[0] = (buffer[0] ?? 0) + a;
  buffer[1] = (buffer[1] ?? 0) + b;
  buffer[2] = (buffer[2] ?? 0) + c;
  buffer[3] = (buffer[3] ?? 0) + d;
}
