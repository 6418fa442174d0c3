import { closeSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { read } from '../../../../disk/device.ts';
import { DiskError } from '../../../../disk/error.ts';
import { openExt } from '../../../../disk/filesystems/ext/ext.ts';
import { defaultLimits } from '../../../../disk/limits.ts';
import { name } from '../../../../disk/name.ts';
import { BufferDevice } from '../../../support/buffer-device.ts';
import { run } from '../../../support/run.ts';
import { noise } from './support/populate.ts';

/** Images with blocks of 1 KiB: extents without checksums (so that patches are believed), block map, all on. */
const images = new Map<string, Buffer>();

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'disklane-test-'));
  const from = join(folder, 'from');
  mkdirSync(join(from, 'dir'), { recursive: true });
  for (let i = 0; i < 100; i++) writeFileSync(join(from, `dir/entry-${i}`), `${i}`);
  writeFileSync(join(from, 'small'), 'small');
  symlinkSync('s'.repeat(100), join(from, 'slow'));
  const fd = openSync(join(from, 'fragmented'), 'w');
  for (let i = 0; i < 500; i++) writeSync(fd, noise(1024, i), 0, 1024, i * 2048);
  closeSync(fd);
  const kinds = {
    extents: ['-t', 'ext4', '-O', '^metadata_csum,^resize_inode'],
    map: ['-t', 'ext2', '-O', '^resize_inode'],
    all: ['-t', 'ext4', '-O', 'inline_data,ea_inode,large_dir'],
  };
  for (const [kind, mkfs] of Object.entries(kinds)) {
    const image = join(folder, kind);
    await run('mke2fs', ['-q', '-F', '-b', '1024', '-N', '256', ...mkfs, '-d', from, image, '4M']);
    images.set(kind, readFileSync(image));
  }
  await rm(folder, { recursive: true });
});

function image(kind: string): Buffer {
  return Buffer.from(images.get(kind) ?? Buffer.alloc(0));
}

function fsOf(bytes: Buffer) {
  return openExt(new BufferDevice(bytes), defaultLimits);
}

/** Byte of an inode in the image: both images have one group, or the table of the first. */
function inodeAt(bytes: Buffer, ino: number): number {
  const size = bytes.readUInt16LE(1024 + 0x58);
  return bytes.readUInt32LE(2048 + 8) * 1024 + (ino - 1) * size;
}

function find(bytes: Buffer, file: string): number {
  return Number(fsOf(bytes).lookup(2, name(file)));
}

const superblocks: { what: string; at: number; value: number; bytes?: 2 | 4; kind?: string }[] = [
  { what: 'a block size of 2^41', at: 0x18, value: 31 },
  { what: 'no inodes in a group', at: 0x28, value: 0 },
  { what: 'a billion inodes in a group', at: 0x28, value: 1_000_000_000 },
  { what: 'no blocks in a group', at: 0x20, value: 0 },
  { what: 'more blocks in a group than its bitmap has bits', at: 0x20, value: 0xffffffff },
  { what: 'no inodes', at: 0x00, value: 0 },
  { what: 'more inodes than its groups', at: 0x00, value: 0xffffffff },
  { what: 'no blocks', at: 0x04, value: 0 },
  { what: 'a first block past the end', at: 0x14, value: 0xfffffff0 },
  { what: 'a first inode of 0', at: 0x54, value: 0 },
  { what: 'an inode size of 0', at: 0x58, value: 0, bytes: 2 },
  { what: 'an inode size of 100', at: 0x58, value: 100, bytes: 2 },
  { what: 'an inode size of 32 KiB', at: 0x58, value: 32_768, bytes: 2 },
  { what: 'a descriptor size of 7', at: 0xfe, value: 7, bytes: 2 },
  { what: '2^63 blocks', at: 0x150, value: 0x7fffffff },
  { what: 'no magic', at: 0x38, value: 0, bytes: 2 },
];

test.for(superblocks)('a superblock with $what is damage there', ({ at, value, bytes = 4 }) => {
  const patched = image('extents');
  patched.writeUIntLE(value, 1024 + at, bytes);
  expect(() => fsOf(patched)).toThrow(
    expect.objectContaining({ kind: 'damage', layer: 'ext4', image: { source: 0, offset: 1024 + at } }),
  );
});

test('features that are not read are refused by name, or by bit', () => {
  for (const [bits, refused] of [
    [0x1, 'compression'],
    [0x8, 'journal_dev'],
    [0x40000001, 'compression, FEATURE_I30'],
  ] as const) {
    const patched = image('extents');
    patched.writeUInt32LE((patched.readUInt32LE(1024 + 0x60) | bits) >>> 0, 1024 + 0x60);
    expect(() => fsOf(patched)).toThrow(expect.objectContaining({ kind: 'unsupported', expected: refused }));
  }
});

test('a superblock with a wrong checksum is read from its backup, and a note says so', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'disklane-test-'));
  const path = join(folder, 'image');
  await run('mke2fs', ['-q', '-F', '-t', 'ext4', '-b', '1024', '-L', 'backed', path, '20M']);
  const bytes = readFileSync(path);
  await rm(folder, { recursive: true });
  bytes.fill(0xff, 1024 + 0x80, 1024 + 0x90);
  const fs = fsOf(bytes);
  expect(fs.facts.label).toBe('backed');
  expect(fs.notes.map(({ code }) => code)).toEqual(['BACKUP_SUPERBLOCK']);
  expect([...fs.list(2)].map((entry) => entry.name)).toEqual(['lost+found']);
  // Without a good backup it is damage of the primary.
  bytes.fill(0xff, 8193 * 1024, 8194 * 1024);
  expect(() => fsOf(bytes)).toThrow(expect.objectContaining({ at: 1024 + 0x3fc }));
});

test('an inode table outside is damage of its descriptor', () => {
  const patched = image('extents');
  patched.writeUInt32LE(0x7fffffff, 2048 + 8);
  expect(() => fsOf(patched).stat(2)).toThrow(expect.objectContaining({ kind: 'damage', at: 2056 }));
});

test('a wrong checksum of an inode spoils that inode only', () => {
  const patched = image('all');
  const small = find(patched, 'small');
  const at = inodeAt(patched, small);
  patched.writeUInt8(1, at + 0x30);
  const fs = fsOf(patched);
  expect(() => fs.stat(small)).toThrow(expect.objectContaining({ kind: 'damage', at: at + 0x7c }));
  expect(fs.stat(fs.lookup(2, name('dir')) ?? 0).type).toBe('directory');
});

test('extent trees that point at themselves, out of order or outside are damage', () => {
  const whole = image('extents');
  const ino = find(whole, 'fragmented');
  const root = inodeAt(whole, ino) + 0x28;
  const node = whole.readUInt32LE(root + 12 + 4) * 1024;
  expect(whole.readUInt16LE(root + 6)).toBeGreaterThan(0);
  let leaf = node;
  while (whole.readUInt16LE(leaf + 6) > 0) leaf = whole.readUInt32LE(leaf + 12 + 4) * 1024;
  const readAll = (patched: Buffer) => {
    const file = fsOf(patched).open(ino);
    return read(file, 0, file.size);
  };
  const patches: [string, (b: Buffer) => void, number][] = [
    ['no magic', (b) => b.writeUInt16LE(0, root), root],
    ['a depth of 6', (b) => b.writeUInt16LE(6, root + 6), root + 6],
    ['more entries than room', (b) => b.writeUInt16LE(9, root + 2), root + 2],
    ['a child outside', (b) => b.writeUInt32LE(0x7ffffff0, root + 12 + 4), root + 12],
    [
      'a node that is its own child',
      (b) => {
        b.copy(b, node, root, root + 24);
        b.writeUInt32LE(node / 1024, node + 12 + 4);
      },
      node + 6,
    ],
    ['entries out of order', (b) => b.writeUInt32LE(0, node + 24), node + 24],
    ['an empty extent', (b) => b.writeUInt16LE(0, leaf + 12 + 4), leaf + 16],
    ['an extent outside', (b) => b.writeUInt32LE(0xffff0000, leaf + 12 + 8), leaf + 12],
  ];
  for (const [what, patch, at] of patches) {
    const patched = Buffer.from(whole);
    patch(patched);
    expect(() => readAll(patched), what).toThrow(expect.objectContaining({ kind: 'damage', at }));
  }
});

test('a block map that points at itself ends, and one that points outside is damage', () => {
  const patched = image('map');
  const ino = find(patched, 'fragmented');
  const pointers = inodeAt(patched, ino) + 0x28;
  const indirect = patched.readUInt32LE(pointers + 12 * 4);
  patched.fill(0, indirect * 1024, indirect * 1024 + 1024);
  for (let i = 0; i < 256; i++) patched.writeUInt32LE(indirect, indirect * 1024 + i * 4);
  const file = fsOf(patched).open(ino);
  expect(
    Buffer.from(read(file, 12 * 1024, 1024)).equals(
      patched.subarray(indirect * 1024, indirect * 1024 + 1024),
    ),
  ).toBe(true);
  patched.writeUInt32LE(0xfffffff0, pointers);
  expect(() => read(fsOf(patched).open(ino), 0, 1)).toThrow(
    expect.objectContaining({ kind: 'damage', at: pointers }),
  );
});

test('directories with broken records, sizes or names are damage', () => {
  const whole = image('map');
  const dir = find(whole, 'dir');
  const inode = inodeAt(whole, dir);
  const block = whole.readUInt32LE(inode + 0x28) * 1024;
  const patches: [string, (b: Buffer) => void, number][] = [
    ['a record of 0 bytes', (b) => b.writeUInt16LE(0, block + 4), block],
    ['a record past the block', (b) => b.writeUInt16LE(0xfffc, block + 16), block + 12],
    ['a name past its record', (b) => b.writeUInt8(255, block + 24 + 6), block + 24],
    ['an inode that does not exist', (b) => b.writeUInt32LE(0xfffffff0, block + 24), block + 24],
    ['a slash in a name', (b) => b.writeUInt8(0x2f, block + 24 + 8), block + 32],
    ['a size of half a block', (b) => b.writeUInt32LE(512, inode + 4), inode + 4],
    ['a size of 4 GB', (b) => b.writeUInt32LE(0xfffffc00, inode + 4), inode + 4],
    ['blocks that are not there', (b) => b.writeUInt32LE(1024 * 1024, inode + 4), inode + 0x28],
  ];
  for (const [what, patch, at] of patches) {
    const patched = Buffer.from(whole);
    patch(patched);
    const list = () => [...fsOf(patched).list(dir)];
    expect(list, what).toThrow(expect.objectContaining({ kind: 'damage', at }));
  }
});

test('a directory with more entries than the limit says so by name', () => {
  const bytes = image('map');
  const fs = openExt(new BufferDevice(bytes), { ...defaultLimits, maxEntries: 50 });
  expect(() => [...fs.list(find(bytes, 'dir'))]).toThrow(
    expect.objectContaining({ kind: 'limit', expected: 'maxEntries' }),
  );
});

test('the content of an encrypted file is refused by name, its metadata is not', () => {
  const patched = image('extents');
  const ino = find(patched, 'small');
  patched.writeUInt32LE(
    patched.readUInt32LE(inodeAt(patched, ino) + 0x20) | 0x800,
    inodeAt(patched, ino) + 0x20,
  );
  const fs = fsOf(patched);
  expect(fs.stat(ino).size).toBe(5);
  expect(() => fs.open(ino)).toThrow(expect.objectContaining({ kind: 'unsupported', expected: 'encrypt' }));
});

test('a filesystem cut off in the middle reads what is left, and names the byte that is not', () => {
  const bytes = image('extents').subarray(0, 300 * 1024);
  const fs = fsOf(bytes);
  expect(fs.notes.map(({ code }) => code)).toContain('DEVICE_TOO_SMALL');
  const file = fs.open(find(bytes, 'fragmented'));
  expect(() => read(file, 0, file.size)).toThrow(expect.objectContaining({ kind: 'damage' }));
});

/** Everything a reader of the filesystem may ask, within bounds. Throws nothing but what is not a DiskError. */
function exhaust(bytes: Buffer): void {
  const attempt = (work: () => void) => {
    try {
      work();
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
    }
  };
  attempt(() => {
    const fs = openExt(new BufferDevice(bytes), { ...defaultLimits, maxEntries: 2000 });
    const seen = new Set<unknown>();
    const queue: (number | bigint)[] = [2, 7, 8];
    for (const ino of queue) {
      if (seen.has(ino) || seen.size > 300) continue;
      seen.add(ino);
      attempt(() => fs.stat(ino));
      attempt(() => fs.readlink(ino));
      attempt(() => [...fs.xattrs(ino)]);
      attempt(() => fs.lookup(ino, name('entry-7')));
      attempt(() => {
        for (const entry of fs.list(ino)) queue.push(entry.ino);
      });
      attempt(() => {
        const file = fs.open(ino);
        file.prefetch([{ offset: 0, length: file.size }]);
        read(file, 0, Math.min(file.size, 100_000));
        read(file, Math.max(0, file.size - 5000), Math.min(file.size, 5000));
        let count = 0;
        for (const extent of file.extents(0, file.size)) if (count++ > 1000 || extent.length <= 0) break;
      });
    }
  });
}

test('400 images with random bytes in their metadata end in a DiskError or an answer', () => {
  let state = 12345;
  const random = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  for (const kind of ['extents', 'map', 'all']) {
    const whole = image(kind);
    for (let round = 0; round < 134; round++) {
      const patched = Buffer.from(whole);
      for (let n = 0; n < 1 + random(20); n++) {
        // The superblock, the descriptors, the inodes in use, or anywhere.
        const [from, length] = [
          [1024, 1024],
          [2048, 64],
          [inodeAt(whole, 1), 256 * 140],
          [0, whole.length],
        ][random(4)] ?? [0, 1];
        patched[(from ?? 0) + random(length ?? 1)] = [0, 0xff, 1, random(256)][random(4)] ?? 0;
      }
      exhaust(patched);
    }
  }
});
