import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  lchownSync,
  linkSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

/** Bytes that look random and are the same each time. */
export function noise(length: number, seed: number): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = (seed * 2654435761 + 1) >>> 0;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state >>> 0;
  }
  return Buffer.from(words.buffer, 0, length);
}

export type Shape = {
  /** Entries of the big directory. */
  readonly entries: number;
  /** Blocks written one by one with holes between, so that the mapping grows deep. */
  readonly fragments: number;
  readonly blockSize: number;
  /** Bytes of the largest attribute: what the filesystem takes differs by its features. */
  readonly largeAttribute: number;
};

/** Fills a folder (mounted, or to be copied by `mke2fs -d`) with one of everything a reader meets. */
export function populate(root: string, shape: Shape): void {
  const at = (name: string) => join(root, name);
  files(at, shape);
  mkdirSync(at('links'));
  writeFileSync(at('links/one'), 'linked');
  linkSync(at('links/one'), at('links/two'));
  mkdirSync(at('links/there'));
  linkSync(at('links/one'), at('links/there/three'));
  for (const length of [1, 30, 58, 59, 60, 61, 200, 900])
    symlinkSync('t'.repeat(length), at(`links/to${length}`));

  mkdirSync(at('names'));
  const odd = ['__proto__', 'constructor', 'sp ace', 'a'.repeat(255), '\u00e4\u6f22', '-', '...', '*', '\\'];
  for (const name of odd) writeFileSync(at(`names/${name}`), name);
  const raw = [Buffer.from([0xff, 0xfe, 0x80]), Buffer.from([0x01, 0x7f, 0xc3]), Buffer.alloc(255, 0xe9)];
  for (const name of raw) writeFileSync(Buffer.concat([Buffer.from(at('names/')), name]), 'raw');

  let deep = at('deep');
  for (let level = 0; level < 40; level++) {
    mkdirSync(deep);
    writeFileSync(join(deep, 'f'), `level ${level}`);
    deep = join(deep, 'd');
  }
  mkdirSync(at('big'));
  for (let i = 0; i < shape.entries; i++) writeFileSync(at(`big/entry-${i}-${'x'.repeat(i % 23)}`), '');
  for (let i = 0; i < shape.entries; i += 7) rmSync(at(`big/entry-${i}-${'x'.repeat(i % 23)}`));

  special(at);
  attributes(at, shape);
}

function files(at: (name: string) => string, { fragments, blockSize }: Shape): void {
  mkdirSync(at('files'));
  for (const size of [0, 1, 59, 60, 61, 100, 150, 1023, 1024, 4096, 5000, 70_001, 300_000, 1_500_000]) {
    writeFileSync(at(`files/${size}`), noise(size, size));
  }
  const sparse = openSync(at('files/sparse'), 'w');
  for (const offset of [0, 70_000, 5_000_000]) writeSync(sparse, noise(3000, offset), 0, 3000, offset);
  ftruncateSync(sparse, 9_000_000);
  closeSync(sparse);
  const fragmented = openSync(at('files/fragmented'), 'w');
  for (let i = 0; i < fragments; i++) {
    writeSync(fragmented, noise(blockSize, i), 0, blockSize, i * 2 * blockSize);
  }
  closeSync(fragmented);
  // Unwritten extents, where the filesystem has them; a block map refuses.
  if (spawnSync('fallocate', ['-l', '400000', at('files/allocated')]).status === 0) {
    const allocated = openSync(at('files/allocated'), 'r+');
    writeSync(allocated, noise(9000, 9), 0, 9000, 130_000);
    closeSync(allocated);
    spawnSync('fallocate', ['-n', '-o', '400000', '-l', '100000', at('files/allocated')]);
  }
}

function special(at: (name: string) => string): void {
  mkdirSync(at('special'));
  execFileSync('mkfifo', [at('special/fifo')]);
  if (process.getuid?.() === 0) {
    execFileSync('mknod', [at('special/null'), 'c', '1', '3']);
    execFileSync('mknod', [at('special/loop'), 'b', '7', '300']);
    execFileSync('mknod', [at('special/wide'), 'c', '4000', '700000']);
    writeFileSync(at('special/owned'), 'owned');
    lchownSync(at('special/owned'), 70_000, 3_000_000_000);
  }
  for (const mode of [0, 0o4755, 0o2711, 0o1777, 0o642]) {
    writeFileSync(at(`special/mode${mode}`), '');
    chmodSync(at(`special/mode${mode}`), mode);
  }
  for (const seconds of [
    -1_000_000_000, 0, 1_700_000_000.25, 2_500_000_000, 4_600_000_000.5, 9_000_000_000,
  ]) {
    writeFileSync(at(`special/time${seconds}`), '');
    utimesSync(at(`special/time${seconds}`), seconds, seconds + 1);
  }
}

function attributes(at: (name: string) => string, { largeAttribute }: Shape): void {
  mkdirSync(at('attributes'));
  const set = (file: string, name: string, value: Buffer) =>
    execFileSync('setfattr', ['-n', name, '-v', `0x${value.toString('hex')}`, at(`attributes/${file}`)]);
  for (const file of ['small', 'several', 'large', 'acl']) writeFileSync(at(`attributes/${file}`), file);
  set('small', 'user.a', Buffer.from('b'));
  for (let i = 0; i < 8; i++) set('several', `user.name-${i}`, noise(i * 13, i));
  set('large', 'user.large', noise(largeAttribute, 5));
  execFileSync('setfacl', ['-m', 'u:1234:rw,g:77:r', at('attributes/acl')]);
  execFileSync('setfacl', ['-d', '-m', 'u:1234:rwx', at('attributes')]);
  if (process.getuid?.() === 0) {
    set('several', 'trusted.t', Buffer.from('trusted'));
    set('several', 'security.s', Buffer.from('secure\0'));
  }
}
