import { execFileSync } from 'node:child_process';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { read } from '../../../../disk/device.ts';
import { openExt } from '../../../../disk/filesystems/ext/ext.ts';
import { defaultLimits } from '../../../../disk/limits.ts';
import { name } from '../../../../disk/name.ts';
import { FileDevice } from '../../../support/file-device.ts';
import { run } from '../../../support/run.ts';
import { scratch } from '../../../support/scratch.ts';
import { compareWithDebugfs } from './support/debugfs.ts';
import { canMount, copyOf, mounted } from './support/mount.ts';
import { noise } from './support/populate.ts';

function sync(file: string): void {
  const fd = openSync(file, 'r');
  fsyncSync(fd);
  closeSync(fd);
}

/** Several transactions in the log, with blocks revoked and used again, data that looks like the journal's. */
function churn(at: string): void {
  const magic = Buffer.alloc(20_000, Buffer.from([0xc0, 0x3b, 0x39, 0x98]));
  mkdirSync(join(at, 'kept'));
  for (let i = 0; i < 300; i++) writeFileSync(join(at, `kept/file-${i}`), `${i}`);
  mkdirSync(join(at, 'goes'));
  for (let i = 0; i < 400; i++) writeFileSync(join(at, `goes/entry-${i}-${'y'.repeat(30)}`), '');
  writeFileSync(join(at, 'first'), magic);
  sync(join(at, 'first'));
  // Directory blocks of the transaction before are freed (and so revoked), then hold data.
  rmSync(join(at, 'goes'), { recursive: true });
  sync(join(at, 'first'));
  for (let i = 0; i < 20; i++) writeFileSync(join(at, `data-${i}`), noise(60_000, i));
  for (let i = 0; i < 20; i++) sync(join(at, `data-${i}`));
  for (let i = 0; i < 300; i += 3) rmSync(join(at, `kept/file-${i}`));
  for (let i = 1; i < 300; i += 3) renameSync(join(at, `kept/file-${i}`), join(at, `kept/renamed-${i}`));
  truncateSync(join(at, 'data-3'), 1234);
  execFileSync('setfattr', ['-n', 'user.late', '-v', 'attribute', join(at, 'data-4')]);
  writeFileSync(join(at, 'last'), 'committed');
  sync(join(at, 'last'));
  // Not committed: nobody may see it.
  writeFileSync(join(at, 'lost'), 'not committed');
}

const dirty: { name: string; mkfs: string[]; mount?: string; features: string[] }[] = [
  {
    name: 'checksum version 3',
    mkfs: ['-t', 'ext4', '-b', '4096'],
    features: ['journal_checksum_v3', 'journal_64bit'],
  },
  {
    name: 'checksum version 3, 1 KiB blocks',
    mkfs: ['-t', 'ext4', '-b', '1024', '-O', '^64bit'],
    features: ['journal_checksum_v3'],
  },
  {
    name: 'checksum version 1',
    mkfs: ['-t', 'ext4', '-b', '1024', '-O', '^metadata_csum'],
    mount: 'journal_checksum',
    features: ['journal_checksum'],
  },
  {
    name: 'no checksum, 64bit',
    mkfs: ['-t', 'ext4', '-b', '2048', '-O', '^metadata_csum'],
    features: ['journal_64bit'],
  },
  { name: 'ext3', mkfs: ['-t', 'ext3', '-b', '1024'], features: [] },
  {
    name: 'data=journal',
    mkfs: ['-t', 'ext4', '-b', '1024'],
    mount: 'data=journal',
    features: ['journal_checksum_v3'],
  },
  {
    name: 'data=journal without checksums',
    mkfs: ['-t', 'ext3', '-b', '2048'],
    mount: 'data=journal',
    features: [],
  },
  {
    name: 'asynchronous commit',
    mkfs: ['-t', 'ext4', '-b', '4096'],
    mount: 'data=writeback,journal_async_commit',
    features: ['journal_async_commit'],
  },
  {
    name: 'fast_commit without fast commits',
    mkfs: ['-t', 'ext4', '-b', '4096', '-O', 'fast_commit'],
    mount: 'data=journal',
    features: [],
  },
];

test.skipIf(!canMount).for(dirty)('a log of the kernel: $name', { timeout: 60_000 }, async (made) => {
  const image = join(await scratch(), 'image');
  await run('mke2fs', ['-q', '-F', ...made.mkfs, image, '64M']);
  const options = ['commit=300', made.mount].filter(Boolean).join(',');
  const crashed = await mounted(image, options, (at) => {
    churn(at);
    return copyOf(image, 'crashed');
  });
  const replayed = copyOf(crashed, 'replayed');
  await run('e2fsck', ['-y', '-E', 'journal_only', replayed]);

  const fs = openExt(new FileDevice(crashed), defaultLimits);
  expect(fs.notes).toEqual([]);
  expect(fs.state).toBe('replayed');
  const header = (await run('dumpe2fs', ['-h', crashed])).toString();
  expect(/^Journal features: +(.*)$/m.exec(header)?.[1]?.split(' ')).toEqual(
    expect.arrayContaining(made.features),
  );
  expect(await compareWithDebugfs(fs, replayed)).toBeGreaterThan(200);
  expect(fs.lookup(2, name('lost'))).toBe(null);
  await compareWithKernel(fs, copyOf(crashed, 'kernel'));
});

/** The kernel replays the same log on a copy: names and contents must agree. */
async function compareWithKernel(fs: ReturnType<typeof openExt>, copy: string): Promise<void> {
  await mounted(copy, '', (at) => {
    for (const { name: entry, ino, type } of fs.list(2)) {
      if (type !== 'file') continue;
      const file = fs.open(ino);
      expect(readFileSync(join(at, entry)).equals(read(file, 0, file.size)), entry).toBe(true);
    }
  });
}

test.skipIf(!canMount)('fast commits are named, and the full commits before them are read', async () => {
  const image = join(await scratch(), 'image');
  await run('mke2fs', ['-q', '-F', '-t', 'ext4', '-O', 'fast_commit', image, '64M']);
  const crashed = await mounted(image, 'commit=300', (at) => {
    writeFileSync(join(at, 'full'), 'full');
    execFileSync('sync', ['-f', at]);
    for (let i = 0; i < 5; i++) {
      writeFileSync(join(at, `fast-${i}`), 'fast');
      sync(join(at, `fast-${i}`));
    }
    return copyOf(image, 'crashed');
  });
  const fs = openExt(new FileDevice(crashed), defaultLimits);
  expect(fs.state).toBe('dirty_read_as_is');
  expect(fs.facts.state).toBe('dirty_read_as_is');
  expect(fs.notes.map(({ code }) => code)).toEqual(['FAST_COMMITS_NOT_REPLAYED']);
  expect(fs.lookup(2, name('full'))).not.toBe(null);
});

/** An image with a file whose blocks are known, for logs written by debugfs: no mount, no root. */
async function withLog(options: {
  mkfs: string[];
  open: string;
  log: (blocks: number[], data: (bytes: Buffer) => string) => string[];
}): Promise<{ image: string; blocks: number[] }> {
  const folder = await scratch();
  const image = join(folder, 'image');
  const from = join(folder, 'from');
  mkdirSync(from);
  writeFileSync(join(from, 'file'), noise(8 * 1024, 1));
  await run('mke2fs', ['-q', '-F', '-b', '1024', ...options.mkfs, '-d', from, image, '16M']);
  const blocks = (await run('debugfs', ['-R', 'blocks /file', image]))
    .toString()
    .trim()
    .split(/\s+/)
    .map(Number);
  let count = 0;
  const data = (bytes: Buffer) => {
    const file = join(folder, `data${count++}`);
    writeFileSync(file, bytes);
    return file;
  };
  const script = join(folder, 'script');
  writeFileSync(script, [options.open, ...options.log(blocks, data), 'jc', ''].join('\n'));
  const said = (await run('debugfs', ['-w', '-f', script, image])).toString();
  expect(said.replace(/^(debugfs: |Setting csum).*\n/gm, '').trim()).toBe('');
  return { image, blocks };
}

const versions = [
  { name: 'version 3', mkfs: ['-t', 'ext4'], open: 'jo -c -v 3' },
  { name: 'version 2', mkfs: ['-t', 'ext4'], open: 'jo -c -v 2' },
  { name: 'version 2 without 64bit', mkfs: ['-t', 'ext4', '-O', '^64bit'], open: 'jo -c -v 2' },
  { name: 'no checksum', mkfs: ['-t', 'ext4', '-O', '^metadata_csum'], open: 'jo' },
  { name: 'ext3', mkfs: ['-t', 'ext3'], open: 'jo' },
];

const escaped = (seed: number) => {
  const block = noise(1024, seed);
  block.writeUInt32BE(0xc03b3998, 0);
  return block;
};

test.for(versions)(
  'a log of debugfs, with escapes, revokes and an unfinished end: $name',
  async ({ mkfs, open }) => {
    const { image } = await withLog({
      mkfs,
      open,
      log: ([a, b, c, d, e], data) => [
        `jw -b ${a},${b},${c} ${data(Buffer.concat([noise(1024, 10), escaped(11), noise(1024, 12)]))}`,
        `jw -b ${d} ${data(escaped(13))}`,
        `jw -r ${c}`,
        `jw -b ${a} ${data(noise(1024, 14))}`,
        `jw -r ${d}`,
        `jw -b ${d} ${data(noise(1024, 15))}`,
        `jw -c -b ${e} ${data(noise(1024, 16))}`,
      ],
    });
    const replayed = copyOf(image, 'replayed');
    await run('e2fsck', ['-y', '-E', 'journal_only', replayed]);
    const fs = openExt(new FileDevice(image), defaultLimits);
    expect(fs.state).toBe('replayed');
    expect(fs.notes).toEqual([]);
    await compareWithDebugfs(fs, replayed);

    const original = noise(8 * 1024, 1);
    const part = (bytes: Buffer, index: number) => bytes.subarray(index * 1024, index * 1024 + 1024);
    const wanted = [noise(1024, 14), escaped(11), part(original, 2), noise(1024, 15), part(original, 4)];
    const file = fs.open(fs.lookup(2, name('file')) ?? 0);
    wanted.forEach((bytes, index) => {
      expect(bytes.equals(read(file, index * 1024, 1024)), `block ${index}`).toBe(true);
    });
    // A read that begins within an escaped block, and goes on past it.
    const across = read(file, 1026, 2000);
    expect(Buffer.from(across)).toEqual(Buffer.concat([escaped(11), part(original, 2)]).subarray(2, 2002));
  },
);

/** The journal's blocks, in order. */
async function journalBlocks(image: string): Promise<number[]> {
  const said = await run('debugfs', ['-R', 'blocks <8>', image]);
  return said.toString().trim().split(/\s+/).map(Number);
}

/** Byte of the image where block `index` of the journal lies. */
async function journalByte(image: string, index: number): Promise<number> {
  return ((await journalBlocks(image))[index] ?? 0) * 1024;
}

function flip(image: string, at: number): void {
  const fd = openSync(image, 'r+');
  writeSync(fd, Buffer.from([0x5a]), 0, 1, at);
  closeSync(fd);
}

const twoTransactions = (open: string, mkfs: string[]) =>
  withLog({
    mkfs,
    open,
    log: ([a, b], data) => [`jw -b ${a} ${data(noise(1024, 20))}`, `jw -b ${b} ${data(noise(1024, 21))}`],
  });

test('a commit block with a wrong checksum ends the replay before its transaction, and a note says so', async () => {
  const { image } = await twoTransactions('jo -c -v 3', ['-t', 'ext4']);
  // Block 0 is the journal's superblock; then descriptor, data, commit, twice.
  flip(image, (await journalByte(image, 6)) + 900);
  const fs = openExt(new FileDevice(image), defaultLimits);
  const file = fs.open(fs.lookup(2, name('file')) ?? 0);
  expect(noise(1024, 20).equals(read(file, 0, 1024))).toBe(true);
  expect(
    noise(8192, 1)
      .subarray(1024, 2048)
      .equals(read(file, 1024, 1024)),
  ).toBe(true);
  expect(fs.state).toBe('dirty_read_as_is');
  expect(fs.notes.map(({ code }) => code)).toEqual(['JOURNAL_CUT_SHORT']);
});

test.skipIf(!canMount)('a checksum of version 1 covers the data of its transaction', async () => {
  const image = join(await scratch(), 'image');
  await run('mke2fs', ['-q', '-F', '-t', 'ext4', '-b', '1024', '-O', '^metadata_csum', image, '16M']);
  const crashed = await mounted(image, 'commit=300,journal_checksum', (at) => {
    for (const file of ['one', 'two']) {
      writeFileSync(join(at, file), file);
      sync(join(at, file));
    }
    return copyOf(image, 'crashed');
  });
  // The block before the last commit block is the last of its transaction's data.
  const bytes = readFileSync(crashed);
  const places = await journalBlocks(crashed);
  const isCommit = (block: number) =>
    bytes.readUInt32BE(block * 1024) === 0xc03b3998 && bytes.readUInt32BE(block * 1024 + 4) === 2;
  const commits = places.flatMap((block, index) => (isCommit(block) ? [index] : []));
  flip(crashed, (places[(commits.at(-1) ?? 0) - 1] ?? 0) * 1024 + 1000);
  const fs = openExt(new FileDevice(crashed), defaultLimits);
  expect(fs.lookup(2, name('one'))).not.toBe(null);
  expect(fs.lookup(2, name('two'))).toBe(null);
  expect(fs.state).toBe('dirty_read_as_is');
  expect(fs.notes.map(({ code }) => code)).toEqual(['JOURNAL_CUT_SHORT']);
});

test('a damaged block in the journal spoils only what is read of it', async () => {
  const { image } = await twoTransactions('jo -c -v 3', ['-t', 'ext4']);
  const at = await journalByte(image, 5);
  flip(image, at + 100);
  const fs = openExt(new FileDevice(image), defaultLimits);
  const file = fs.open(fs.lookup(2, name('file')) ?? 0);
  expect(noise(1024, 20).equals(read(file, 0, 1024))).toBe(true);
  expect(() => read(file, 1024, 1024)).toThrow(
    expect.objectContaining({ kind: 'damage', image: { source: 0, offset: at } }),
  );
});

test('sequence numbers and the log itself wrap', async () => {
  const { image } = await withLog({
    mkfs: ['-t', 'ext4', '-O', '^metadata_csum'],
    open: 'jo',
    log: ([a, b, c], data) => [a, b, c].map((block, i) => `jw -b ${block} ${data(noise(1024, 30 + i))}`),
  });
  // Three transactions of descriptor, data and commit in blocks 1 to 9: moved to the log's end, so that the
  // second wraps, and renumbered so that the third's sequence is 0.
  const fd = openSync(image, 'r+');
  const places = await journalBlocks(image);
  const bytes = readFileSync(image);
  const head = Buffer.from(bytes.subarray((places[0] ?? 0) * 1024, (places[0] ?? 0) * 1024 + 1024));
  const [length, first, sequence] = [
    head.readUInt32BE(0x10),
    head.readUInt32BE(0x14),
    head.readUInt32BE(0x18),
  ];
  const start = length - 4;
  head.writeUInt32BE(start, 0x1c);
  head.writeUInt32BE(0xfffffffe, 0x18);
  writeSync(fd, head, 0, 1024, (places[0] ?? 0) * 1024);
  for (let i = 0; i < 9; i++) {
    const from = (places[first + i] ?? 0) * 1024;
    const block = Buffer.from(bytes.subarray(from, from + 1024));
    if (i % 3 !== 1) block.writeUInt32BE((block.readUInt32BE(8) - sequence + 0xfffffffe) % 2 ** 32, 8);
    const to = start + i < length ? start + i : first + start + i - length;
    writeSync(fd, block, 0, 1024, (places[to] ?? 0) * 1024);
  }
  closeSync(fd);
  const replayed = copyOf(image, 'replayed');
  await run('e2fsck', ['-y', '-E', 'journal_only', replayed]);
  const fs = openExt(new FileDevice(image), defaultLimits);
  expect(fs.state).toBe('replayed');
  const file = fs.open(fs.lookup(2, name('file')) ?? 0);
  for (let i = 0; i < 3; i++)
    expect(noise(1024, 30 + i).equals(read(file, i * 1024, 1024)), `${i}`).toBe(true);
  await compareWithDebugfs(fs, replayed);
});

test('an external journal is named, and the filesystem read as it is', async () => {
  const folder = await scratch();
  const image = join(folder, 'image');
  await run('mke2fs', ['-q', '-F', '-t', 'ext4', '-O', '^has_journal', '-b', '1024', image, '8M']);
  await run('debugfs', ['-w', '-R', 'feature has_journal needs_recovery', image]);
  const fs = openExt(new FileDevice(image), defaultLimits);
  expect(fs.state).toBe('dirty_read_as_is');
  expect(fs.notes).toEqual([
    { code: 'JOURNAL_NOT_REPLAYED', message: 'the journal is on another device (external journal)' },
  ]);
});
