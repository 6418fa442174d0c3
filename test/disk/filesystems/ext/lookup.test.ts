import { closeSync, linkSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openExt } from '../../../../disk/filesystems/ext/ext.ts';
import { directoryHash } from '../../../../disk/filesystems/ext/hash.ts';
import { defaultLimits } from '../../../../disk/limits.ts';
import { name, nameOf } from '../../../../disk/name.ts';
import { FileDevice } from '../../../support/file-device.ts';
import { run } from '../../../support/run.ts';
import { scratch } from '../../../support/scratch.ts';
import { canMount, mounted } from './support/mount.ts';
import { noise } from './support/populate.ts';

/** A name of bytes that no path forbids; many are above 127, where signed and unsigned hashes differ. */
function rawName(seed: number): Buffer {
  const bytes = noise(1 + (seed % 60), seed).map((byte) => (byte === 0 || byte === 0x2f ? 0x78 : byte));
  return Buffer.concat([Buffer.from(`${seed}-`), bytes]);
}

/** An image with `big/`, filled through the kernel, and the byte each block of that directory lies at. */
async function withDirectory(mkfs: string[], names: Buffer[], before: string[] = []) {
  const image = join(await scratch(), 'image');
  await run('mke2fs', ['-q', '-F', '-t', 'ext4', ...mkfs, image, '64M']);
  for (const command of before) await run('debugfs', ['-w', '-R', command, image]);
  await mounted(image, '', (at) => {
    mkdirSync(join(at, 'big'));
    for (let i = 0; i < names.length; i++) {
      const target = join(at, `target-${Math.floor(i / 50_000)}`);
      if (i % 50_000 === 0) writeFileSync(target, '');
      linkSync(target, Buffer.concat([Buffer.from(join(at, 'big/')), names[i] ?? Buffer.alloc(0)]));
    }
  });
  return image;
}

const manyNames = Array.from({ length: 100_000 }, (_, i) => Buffer.from(`package-${i}.list`));

test.skipIf(!canMount)('a look-up among 100,000 entries reads a few blocks, not the directory', async () => {
  const image = await withDirectory(['-b', '1024'], manyNames);
  const device = new FileDevice(image);
  const fs = openExt(device, defaultLimits);
  const big = fs.lookup(2, name('big')) ?? 0;
  const targets = [fs.lookup(2, name('target-0')), fs.lookup(2, name('target-1'))];
  expect(fs.stat(big).size).toBeGreaterThan(2_000_000);
  fs.lookup(big, name('warm'));
  const before = device.bytesRead;
  let lookups = 0;
  for (let i = 0; i < manyNames.length; i += 97) {
    expect(fs.lookup(big, name(`package-${i}.list`)), `${i}`).toBe(targets[Math.floor(i / 50_000)]);
    expect(fs.lookup(big, name(`package-${i}.lisp`)), `${i}`).toBe(null);
    lookups += 2;
  }
  // Root, one index node and a leaf; now and then a leaf's neighbour or a node of the extent tree.
  expect((device.bytesRead - before) / lookups).toBeLessThan(4 * 1024);
  expect([...fs.list(big)].length).toBe(manyNames.length);
});

const hashes = [
  { algorithm: 'half_md4', flags: 1 },
  { algorithm: 'half_md4', flags: 2 },
  { algorithm: 'tea', flags: 1 },
  { algorithm: 'tea', flags: 2 },
  { algorithm: 'legacy', flags: 1 },
  { algorithm: 'legacy', flags: 2 },
];

test.skipIf(!canMount).for(hashes)(
  'the index is read: $algorithm, flags $flags',
  async ({ algorithm, flags }) => {
    const names = Array.from({ length: 1500 }, (_, i) => rawName(i));
    const image = await withDirectory(['-b', '1024'], names, [
      `ssv flags ${flags}`,
      `ssv def_hash_version ${algorithm}`,
    ]);
    const device = new FileDevice(image);
    const fs = openExt(device, defaultLimits);
    const big = fs.lookup(2, name('big')) ?? 0;
    const target = fs.lookup(2, name('target-0'));
    const { size } = fs.stat(big);
    for (const raw of names) {
      const before = device.bytesRead;
      expect(fs.lookup(big, nameOf(raw)), raw.toString('latin1')).toBe(target);
      expect(device.bytesRead - before).toBeLessThan(size / 4);
    }
    expect(fs.lookup(big, name('absent'))).toBe(null);
  },
);

test('hashes are those of debugfs', async () => {
  const texts = ['a', 'os-release', 'dpkg', 'x'.repeat(31), 'x'.repeat(32), 'y'.repeat(33), 'z'.repeat(255)];
  const seed = '01234567-89ab-cdef-0123-456789abcdef';
  const bytes = Buffer.from(seed.replaceAll('-', ''), 'hex');
  const words = [0, 4, 8, 12].map((at) => bytes.readUInt32LE(at));
  const [a = 0, b = 0, c = 0, d = 0] = words;
  for (const version of ['legacy', 'half_md4', 'tea'] as const) {
    for (const text of texts) {
      const said = await run('debugfs', ['-R', `dx_hash -h ${version} -s ${seed} ${text}`]);
      const wanted = Number.parseInt(/is 0x([0-9a-f]+)/.exec(said.toString())?.[1] ?? '', 16);
      expect(directoryHash(Buffer.from(text), version, true, [a, b, c, d]), `${version} ${text}`).toBe(
        wanted,
      );
    }
  }
});

test.skipIf(!canMount)('where the index is damaged, the directory is scanned', async () => {
  const names = Array.from({ length: 3000 }, (_, i) => Buffer.from(`entry-${i}`));
  const image = await withDirectory(['-b', '1024', '-O', '^metadata_csum'], names);
  const block = Number(
    (await run('debugfs', ['-R', 'blocks /big', image])).toString().trim().split(/\s+/)[0],
  );
  const fd = openSync(image, 'r+');
  writeSync(fd, Buffer.from([0xff, 0xff]), 0, 2, block * 1024 + 0x22); // more index entries than there is room for
  closeSync(fd);
  const device = new FileDevice(image);
  const fs = openExt(device, defaultLimits);
  const big = fs.lookup(2, name('big')) ?? 0;
  for (const raw of names) expect(fs.lookup(big, nameOf(raw))).not.toBe(null);
  expect(fs.lookup(big, name('absent'))).toBe(null);
  // Scanned once, then remembered.
  expect(device.bytesRead).toBeLessThan(4 * fs.stat(big).size);
});

test.skipIf(!canMount)('a damaged block of a directory hides its own entries only', async () => {
  const names = Array.from({ length: 3000 }, (_, i) => Buffer.from(`entry-${i}`));
  const image = await withDirectory(['-b', '1024'], names);
  const blocks = (await run('debugfs', ['-R', 'blocks /big', image]))
    .toString()
    .trim()
    .split(/\s+/)
    .map(Number);
  const at = (blocks[5] ?? 0) * 1024;
  expect(
    readFileSync(image)
      .subarray(at, at + 1024)
      .includes('entry-'),
  ).toBe(true);
  const fd = openSync(image, 'r+');
  writeSync(fd, Buffer.from([0xff]), 0, 1, at + 700);
  closeSync(fd);
  const fs = openExt(new FileDevice(image), defaultLimits);
  const big = fs.lookup(2, name('big')) ?? 0;
  const found: string[] = [];
  expect(() => {
    for (const entry of fs.list(big)) found.push(entry.name);
  }).toThrow(expect.objectContaining({ kind: 'damage', image: { source: 0, offset: at + 1020 } }));
  expect(found.length).toBeGreaterThan(2900);
  expect(found.length).toBeLessThan(3000);
  for (const entry of found) expect(fs.lookup(big, name(entry))).not.toBe(null);
});
