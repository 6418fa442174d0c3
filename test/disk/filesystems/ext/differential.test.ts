import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openExt } from '../../../../disk/filesystems/ext/ext.ts';
import { defaultLimits } from '../../../../disk/limits.ts';
import { FileDevice } from '../../../support/file-device.ts';
import { run } from '../../../support/run.ts';
import { scratch } from '../../../support/scratch.ts';
import { compareWithDebugfs } from './support/debugfs.ts';
import { canMount, mounted } from './support/mount.ts';
import { populate } from './support/populate.ts';

type Made = {
  name: string;
  type: 'ext2' | 'ext3' | 'ext4';
  blockSize: number;
  args?: string[];
  size?: string;
  /** Filled through the kernel: hash indexes, unwritten extents, deleted files as they really occur. */
  kernel?: boolean;
  entries?: number;
  largeAttribute?: number;
};

const images: Made[] = [
  { name: 'ext2 of 1 KiB blocks', type: 'ext2', blockSize: 1024, kernel: true },
  {
    name: 'ext2 of 4 KiB blocks, 128-byte inodes',
    type: 'ext2',
    blockSize: 4096,
    args: ['-I', '128'],
    kernel: true,
  },
  { name: 'ext2 without filetype', type: 'ext2', blockSize: 1024, args: ['-O', '^filetype'] },
  { name: 'ext2 of revision 0', type: 'ext2', blockSize: 1024, args: ['-r', '0'], largeAttribute: 100 },
  { name: 'ext3 of 1 KiB blocks', type: 'ext3', blockSize: 1024, kernel: true },
  { name: 'ext3 of 2 KiB blocks, big directory', type: 'ext3', blockSize: 2048, kernel: true, entries: 8000 },
  { name: 'ext4 of 1 KiB blocks', type: 'ext4', blockSize: 1024, kernel: true },
  { name: 'ext4 of 2 KiB blocks', type: 'ext4', blockSize: 2048, kernel: true },
  {
    name: 'ext4 of 4 KiB blocks, big directory',
    type: 'ext4',
    blockSize: 4096,
    kernel: true,
    entries: 20_000,
    size: '160M',
  },
  { name: 'ext4 of 4 KiB blocks by mke2fs alone', type: 'ext4', blockSize: 4096, entries: 1000 },
  {
    name: 'ext4 of 64 KiB blocks',
    type: 'ext4',
    blockSize: 65_536,
    size: '300M',
    entries: 2500,
  },
  {
    name: 'ext4 without extents',
    type: 'ext4',
    blockSize: 1024,
    args: ['-O', '^extents,^64bit'],
    kernel: true,
  },
  {
    name: 'ext4 without 64bit and checksums',
    type: 'ext4',
    blockSize: 4096,
    args: ['-O', '^64bit,^metadata_csum'],
    kernel: true,
  },
  {
    name: 'ext4 with uninit_bg',
    type: 'ext4',
    blockSize: 1024,
    args: ['-O', '^metadata_csum,uninit_bg'],
    kernel: true,
  },
  {
    name: 'ext4 with metadata_csum_seed',
    type: 'ext4',
    blockSize: 4096,
    args: ['-O', 'metadata_csum_seed'],
    kernel: true,
  },
  { name: 'ext4 with inline_data', type: 'ext4', blockSize: 4096, args: ['-O', 'inline_data'], kernel: true },
  {
    name: 'ext4 with inline_data in 1 KiB inodes',
    type: 'ext4',
    blockSize: 1024,
    args: ['-O', 'inline_data', '-I', '1024'],
    kernel: true,
  },
  {
    name: 'ext4 with inline_data by mke2fs alone',
    type: 'ext4',
    blockSize: 1024,
    args: ['-O', 'inline_data'],
  },
  {
    name: 'ext4 with bigalloc',
    type: 'ext4',
    blockSize: 4096,
    args: ['-O', 'bigalloc', '-C', '65536'],
    size: '200M',
    kernel: true,
  },
  {
    name: 'ext4 with bigalloc of 1 KiB blocks',
    type: 'ext4',
    blockSize: 1024,
    args: ['-O', 'bigalloc', '-C', '8192'],
    kernel: true,
  },
  {
    name: 'ext4 with meta_bg',
    type: 'ext4',
    blockSize: 1024,
    args: ['-O', 'meta_bg,^resize_inode'],
    size: '600M',
    kernel: true,
  },
  { name: 'ext4 without flex_bg', type: 'ext4', blockSize: 1024, args: ['-O', '^flex_bg'], kernel: true },
  {
    name: 'ext4 with sparse_super2',
    type: 'ext4',
    blockSize: 1024,
    args: ['-O', 'sparse_super2'],
    kernel: true,
  },
  {
    name: 'ext4 without a journal',
    type: 'ext4',
    blockSize: 4096,
    args: ['-O', '^has_journal'],
    kernel: true,
  },
  {
    name: 'ext4 with ea_inode',
    type: 'ext4',
    blockSize: 1024,
    args: ['-O', 'ea_inode'],
    kernel: true,
    largeAttribute: 20_000,
  },
  {
    name: 'ext4 with large_dir',
    type: 'ext4',
    blockSize: 1024,
    args: ['-O', 'large_dir'],
    kernel: true,
    entries: 6000,
  },
  { name: 'ext4 with casefold', type: 'ext4', blockSize: 4096, args: ['-O', 'casefold'] },
  {
    name: 'ext4 with orphan_file',
    type: 'ext4',
    blockSize: 4096,
    args: ['-O', 'orphan_file'],
    kernel: true,
  },
  {
    name: 'ext4 with project, quota and encrypt',
    type: 'ext4',
    blockSize: 4096,
    args: ['-O', 'project,quota,encrypt,verity,stable_inodes'],
  },
];

test.for(images)('$name reads as debugfs reads it', { timeout: 60_000 }, async (made) => {
  const folder = await scratch();
  const image = join(folder, 'image');
  const kernel = made.kernel === true && canMount;
  const shape = {
    entries: made.entries ?? 400,
    fragments: 700,
    blockSize: made.blockSize,
    largeAttribute: made.largeAttribute ?? 600,
  };
  const filled: string[] = [];
  if (!kernel) {
    const from = join(folder, 'from');
    mkdirSync(from);
    populate(from, shape);
    filled.push('-d', from);
  }
  const mkfs = [
    '-q',
    '-F',
    '-t',
    made.type,
    '-b',
    `${made.blockSize}`,
    '-N',
    `${shape.entries + 1500}`,
    ...(made.args ?? []),
  ];
  await run('mke2fs', [...mkfs, '-L', 'a label', ...filled, image, made.size ?? '96M']);
  if (kernel) await mounted(image, '', (at) => populate(at, shape));

  const fs = openExt(new FileDevice(image), defaultLimits);
  expect(fs.state).toBe('clean');
  await compareFacts(fs.facts, image);
  expect(await compareWithDebugfs(fs, image)).toBeGreaterThan(shape.entries / 2);
});

async function compareFacts(facts: ReturnType<typeof openExt>['facts'], image: string): Promise<void> {
  const header = (await run('dumpe2fs', ['-h', image])).toString();
  const field = (name: string) => new RegExp(`^${name}: +(.*)$`, 'm').exec(header)?.[1];
  const blkid = (await run('blkid', ['-p', '-s', 'TYPE', '-o', 'value', image])).toString().trim();
  const blockSize = Number(field('Block size'));
  expect(facts).toEqual({
    type: blkid,
    label: 'a label',
    uuid: field('Filesystem UUID'),
    blockSize,
    sizeBytes: Number(field('Block count')) * blockSize,
    usedBytes: (Number(field('Block count')) - Number(field('Free blocks'))) * blockSize,
    features: (field('Filesystem features') ?? '').split(' ').filter((name) => name !== '(none)'),
    state: 'clean',
  });
}
