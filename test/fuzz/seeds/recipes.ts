import { copyFileSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../support/run.ts';
import { look } from './ext-places.ts';
import { plantGuest } from './guest.ts';
import { roomPath } from './texts.ts';

/** An ext filesystem in a disk: where it begins, and a file that holds it alone. */
export type Filesystem = { readonly file: string; readonly at: number };

/** How a seed is made, in an empty folder. */
export type Recipe = {
  readonly name: string;
  readonly make: (folder: string) => Promise<{ image: string; filesystems: Filesystem[] }>;
};

const MIB = 1024 ** 2;
const uuid = '11111111-2222-3333-4444-555555555555';
/** The same seed each time: e2fsprogs then takes no time and no random number of its own. */
const env = { ...process.env, E2FSPROGS_FAKE_TIME: '1700000000' };

type Ext = {
  readonly args: readonly string[];
  /** Size in MiB. */
  readonly size?: number;
  /** Entries more in one directory. */
  readonly crowd?: number;
  /** MiB of a file whose blocks are room for new content of others. */
  readonly room?: number;
};

async function ext(folder: string, { args, size = 2, crowd = 0, room = 0 }: Ext): Promise<string> {
  const tree = join(folder, 'tree');
  const image = join(folder, 'ext.img');
  plantGuest(tree, crowd);
  if (room > 0) writeFileSync(join(tree, roomPath), Buffer.alloc(room * MIB, 'x\n'));
  const fixed = ['-U', uuid, '-E', `hash_seed=${uuid},root_owner=0:0`, '-L', 'root'];
  await run('mke2fs', ['-q', '-F', ...fixed, ...args, '-d', tree, image, `${size}M`], { env });
  // mke2fs leaves directories linear; e2fsck gives those of many entries their index.
  if (crowd > 0) await run('e2fsck', ['-fyD', image], { env }).catch(() => {});
  return image;
}

/** A transaction in the journal that gives /etc/hosts another content, and one that revokes a block. */
async function dirty(folder: string, options: Ext, checksums: string | null): Promise<string> {
  const image = await ext(folder, options);
  const [hosts] = await look(image, ['/etc/hosts']);
  const block = hosts?.blocks[0] ?? 0;
  const content = join(folder, 'content');
  writeFileSync(content, '192.0.2.77 from.the.journal\n');
  truncateSync(content, 4096);
  const open = checksums === null ? 'jo' : `jo -c -v ${checksums}`;
  const script = [
    open,
    `jw -b ${block} ${content}`,
    `jw -r ${block + 1}`,
    `jw -b 1 ${content}`,
    `jw -r 1`,
    'jc',
  ];
  await run('debugfs', ['-w', '-f', '-', image], { input: `${script.join('\n')}\n`, env });
  return image;
}

function whole(name: string, options: Ext): Recipe {
  return {
    name,
    make: async (folder) => {
      const image = await ext(folder, options);
      copyFileSync(image, join(folder, 'copy'));
      return { image, filesystems: [{ file: join(folder, 'copy'), at: 0 }] };
    },
  };
}

function journalled(name: string, options: Ext, checksums: string | null): Recipe {
  return {
    name,
    make: async (folder) => {
      const image = await dirty(folder, options, checksums);
      copyFileSync(image, join(folder, 'copy'));
      return { image, filesystems: [{ file: join(folder, 'copy'), at: 0 }] };
    },
  };
}

/** A disk with a partition table; filesystems are copied to where sfdisk's script puts them (in sectors). */
async function partitioned(
  folder: string,
  size: number,
  script: string,
  parts: Record<number, Ext>,
): Promise<{ image: string; filesystems: Filesystem[] }> {
  const image = join(folder, 'disk.img');
  writeFileSync(image, '');
  truncateSync(image, size * MIB);
  await run('sfdisk', ['-q', image], { input: script });
  const filesystems: Filesystem[] = [];
  for (const [sector, options] of Object.entries(parts)) {
    const own = join(folder, sector);
    mkdirSync(own);
    const file = await ext(own, options);
    const at = Number(sector) * 512;
    await run('dd', [`if=${file}`, `of=${image}`, 'conv=notrunc', 'bs=512', `seek=${sector}`, 'status=none']);
    filesystems.push({ file, at });
  }
  return { image, filesystems };
}

const small: Ext = { args: ['-t', 'ext2', '-b', '1024'], size: 1 };
const plain: Ext = { args: ['-t', 'ext4', '-b', '1024', '-O', '^has_journal,^metadata_csum'], size: 1 };

const mbrScript = `label: dos\nlabel-id: 0x12345678
start=64, size=2048, type=83, bootable
start=2176, size=12000, type=5
start=2304, size=2048, type=83
start=4480, size=2048, type=82
start=6656, size=4096, type=83\n`;
const mbrParts = { 64: plain, 2304: small, 6656: small };

const gptScript = `label: gpt\nlabel-id: AAAAAAAA-1111-2222-3333-444444444444
start=2048, size=2048, type=U, uuid=BBBBBBBB-1111-2222-3333-444444444444, name="efi"
start=4096, size=2048, type=L, uuid=CCCCCCCC-1111-2222-3333-444444444444, name="root"
start=6144, size=2048, type=L, uuid=DDDDDDDD-1111-2222-3333-444444444444, attrs=LegacyBIOSBootable\n`;
const gptParts = { 4096: plain, 6144: small };

const mbr: Recipe = { name: 'mbr', make: (folder) => partitioned(folder, 8, mbrScript, mbrParts) };
const gpt: Recipe = { name: 'gpt', make: (folder) => partitioned(folder, 6, gptScript, gptParts) };

/** The disk of another recipe in qcow2. */
function qcow2(name: string, of: Recipe, args: readonly string[], snapshots = 0): Recipe {
  return {
    name,
    make: async (folder) => {
      const { image, filesystems } = await of.make(folder);
      const to = join(folder, 'disk.qcow2');
      await run('qemu-img', ['convert', '-O', 'qcow2', ...args, image, to]);
      for (let n = 0; n < snapshots; n++) await run('qemu-img', ['snapshot', '-c', `state ${n}`, to]);
      return { image: to, filesystems };
    },
  };
}

const root = whole('root', { args: ['-t', 'ext4', '-b', '1024', '-O', '^has_journal'], size: 1 });

export const recipes: readonly Recipe[] = [
  whole('ext2-1k', { args: ['-t', 'ext2', '-b', '1024'] }),
  whole('ext2-4k-rev0', { args: ['-t', 'ext2', '-b', '4096', '-r', '0'], size: 4 }),
  whole('ext3-1k', { args: ['-t', 'ext3', '-b', '1024'], size: 4 }),
  whole('ext4-4k', { args: ['-t', 'ext4', '-b', '4096'], size: 8 }),
  whole('ext4-1k-csum', { args: ['-t', 'ext4', '-b', '1024', '-O', '^has_journal'] }),
  whole('ext4-1k-uninit-bg', {
    args: [
      '-t',
      'ext4',
      '-b',
      '1024',
      '-g',
      '1024',
      '-O',
      '^has_journal,^metadata_csum,uninit_bg,^64bit,^flex_bg',
    ],
  }),
  whole('ext4-1k-meta-bg', {
    args: [
      '-t',
      'ext4',
      '-b',
      '1024',
      '-g',
      '256',
      '-O',
      '^has_journal,^metadata_csum,meta_bg,^resize_inode',
    ],
  }),
  whole('ext4-2k-64bit', { args: ['-t', 'ext4', '-b', '2048', '-O', '^has_journal,^metadata_csum,64bit'] }),
  whole('ext4-bigalloc', {
    args: ['-t', 'ext4', '-b', '1024', '-C', '4096', '-O', '^has_journal,^metadata_csum,bigalloc'],
  }),
  whole('ext4-casefold', {
    args: ['-t', 'ext4', '-b', '1024', '-O', '^has_journal,^metadata_csum,casefold'],
  }),
  whole('ext4-inline', {
    args: ['-t', 'ext4', '-b', '1024', '-I', '512', '-O', '^has_journal,^metadata_csum,inline_data'],
  }),
  whole('ext4-inline-csum', {
    args: ['-t', 'ext4', '-b', '1024', '-I', '256', '-O', '^has_journal,inline_data'],
  }),
  whole('ext4-htree', {
    args: ['-t', 'ext4', '-b', '1024', '-N', '2048', '-O', '^has_journal,^metadata_csum'],
    size: 4,
    crowd: 700,
  }),
  whole('ext4-htree-csum', {
    args: ['-t', 'ext4', '-b', '1024', '-N', '2048', '-O', '^has_journal'],
    size: 4,
    crowd: 700,
  }),
  whole('ext3-htree-map', {
    args: ['-t', 'ext2', '-b', '1024', '-N', '2048', '-O', 'dir_index'],
    size: 4,
    crowd: 700,
  }),
  journalled('ext4-dirty', { args: ['-t', 'ext4', '-b', '1024', '-O', '^metadata_csum'], size: 4 }, null),
  journalled('ext4-dirty-v3', { args: ['-t', 'ext4', '-b', '1024'], size: 4 }, '3'),
  journalled('ext4-dirty-v2', { args: ['-t', 'ext4', '-b', '1024', '-O', '^64bit'], size: 4 }, '2'),
  whole('ext4-text', {
    args: ['-t', 'ext4', '-b', '4096', '-O', '^has_journal,^metadata_csum'],
    size: 12,
    room: 9,
  }),
  mbr,
  gpt,
  qcow2('qcow2-v2', mbr, ['-o', 'compat=0.10,cluster_size=4096']),
  qcow2('qcow2-v3', gpt, ['-o', 'compat=1.1'], 2),
  qcow2('qcow2-512', root, ['-o', 'compat=1.1,cluster_size=512']),
  qcow2('qcow2-zlib', mbr, ['-c', '-o', 'cluster_size=16384']),
  qcow2('qcow2-zstd', gpt, ['-c', '-o', 'compression_type=zstd,cluster_size=32768']),
  qcow2('qcow2-extended-l2', mbr, ['-o', 'extended_l2=on,cluster_size=65536']),
];
