import { closeSync, mkdirSync, openSync, readFileSync, readlinkSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type BlockDevice, read } from '../../../../../disk/device.ts';
import type { Entry, Filesystem, Stat } from '../../../../../disk/filesystems/filesystem.ts';
import { bytesOf, type Name } from '../../../../../disk/name.ts';
import { run } from '../../../../support/run.ts';

type Seen = { path: Name; entries: Entry[] | null; stat: Stat; xattrs: Map<Name, Uint8Array> };

/** Everything our reader finds, by inode, under the first path that leads there. */
export function walk(fs: Filesystem): Map<number, Seen> {
  const seen = new Map<number, Seen>();
  const queue: [number, Name][] = fs.roots.map(({ ino }) => [Number(ino), '' as Name]);
  for (const [ino, path] of queue) {
    if (seen.has(ino)) continue;
    const stat = fs.stat(ino);
    const entries = stat.type === 'directory' ? [...fs.list(ino)] : null;
    seen.set(ino, { path, stat, entries, xattrs: new Map(fs.xattrs(ino)) });
    for (const entry of entries ?? []) queue.push([Number(entry.ino), `${path}/${entry.name}` as Name]);
  }
  return seen;
}

/**
 * Compares all that our reader says about a filesystem with debugfs, in one run of it: each directory's
 * entries, so that the trees are the same from the root on, each inode's metadata and attributes, each file's
 * content and each link's target. Gives the number of inodes compared.
 */
export async function compareWithDebugfs(fs: Filesystem, image: string): Promise<number> {
  const ours = walk(fs);
  const out = `${image}.out`;
  mkdirSync(join(out, 'tree'), { recursive: true });
  const script: string[] = [];
  const values: { file: string; value: Uint8Array; what: string }[] = [];
  for (const [ino, { entries, xattrs, path }] of ours) {
    if (entries !== null) script.push(`ls -p <${ino}>`);
    script.push(`stat <${ino}>`);
    for (const [name, value] of xattrs) {
      const file = join(out, `value${values.length}`);
      values.push({ file, value, what: `${path} ${name}` });
      script.push(`ea_get -f ${file} <${ino}> ${name}`);
    }
  }
  // The big directory holds empty files only: making them again would take longer than all the rest.
  const dumped = [...fs.list(2)].filter(({ name }) => name !== 'big');
  script.push(...dumped.map(({ name }) => `rdump /${name} ${join(out, 'tree')}`));
  writeFileSync(join(out, 'script'), `${script.join('\n')}\n`);
  const output = (await run('debugfs', ['-f', join(out, 'script'), image])).toString('latin1');
  const answers = new Map(
    output.split(/^debugfs: /m).map((answer) => {
      const end = answer.indexOf('\n');
      return [answer.slice(0, end), answer.slice(end + 1)];
    }),
  );

  for (const [ino, { path, entries, stat, xattrs }] of ours) {
    const where = `${JSON.stringify(path)} <${ino}>`;
    if (entries !== null) compareEntries(where, entries, answers.get(`ls -p <${ino}>`) ?? '');
    const theirs = parseStat(answers.get(`stat <${ino}>`) ?? '');
    expect({ ...stat, ino: Number(stat.ino) }, where).toEqual({ ...theirs.stat, ino });
    expect([...xattrs.keys()].sort(), where).toEqual(theirs.xattrs);
    const dumped = Buffer.concat([Buffer.from(join(out, 'tree')), bytesOf(path)]);
    if (path.startsWith('/big/')) {
      expect(stat.size, where).toBe(0);
      continue;
    }
    if (stat.type === 'file') compareContent(where, fs.open(ino), dumped);
    if (stat.type === 'symlink') {
      expect(fs.readlink(ino), where).toBe(readlinkSync(dumped, 'buffer').toString('latin1'));
    }
  }
  for (const { file, value, what } of values) {
    const wanted = what.includes(' system.posix_acl') ? withoutEmptyIds(value) : value;
    expect(readFileSync(file).equals(wanted), `value of ${what}`).toBe(true);
  }
  return ours.size;
}

/** debugfs gives 0, the kernel -1 for the id of an entry that names nobody; we do as the kernel. */
function withoutEmptyIds(acl: Uint8Array): Buffer {
  const copy = Buffer.from(acl);
  for (let at = 4; at < copy.length; at += 8) {
    if (copy.readUInt32LE(at + 4) === 0xffffffff) copy.writeUInt32LE(0, at + 4);
  }
  return copy;
}

function compareEntries(where: string, entries: readonly Entry[], answer: string): void {
  const theirs = answer
    .split('\n')
    .map((line) => /^\/(\d+)\/(\d{6})\/\d+\/-?\d+\/(.*)\/\d*\/$/s.exec(line))
    .flatMap((match) =>
      match === null || match[1] === '0' || match[3] === '.' || match[3] === '..' ? [] : [match],
    )
    .map(([, ino, , name]) => `${ino} ${name}`);
  const ours = entries.map(({ ino, name }) => `${ino} ${name}`);
  expect(ours.sort(), where).toEqual(theirs.sort());
}

const types: Record<string, Stat['type']> = {
  regular: 'file',
  directory: 'directory',
  symlink: 'symlink',
  'character special': 'character',
  'block special': 'block',
  FIFO: 'fifo',
  socket: 'socket',
};

function parseStat(text: string): { stat: Omit<Stat, 'ino'>; xattrs: string[] } {
  const field = (pattern: RegExp): string => pattern.exec(text)?.[1] ?? 'missing';
  const time = (name: string) => {
    const match = new RegExp(`^ *${name}: 0x([0-9a-f]{8})(?::([0-9a-f]{8}))?`, 'm').exec(text);
    if (match === null) return null;
    const extra = Number.parseInt(match[2] ?? '0', 16);
    const seconds = (Number.parseInt(match[1] ?? '', 16) | 0) + (extra & 3) * 2 ** 32;
    return { seconds, nanoseconds: extra >>> 2, zone: 'utc' as const };
  };
  const type = types[field(/Type: (.*?) +Mode/)] ?? 'unknown';
  const device = /Device major\/minor number: (\d+):(\d+)/.exec(text);
  const flags = Number.parseInt(field(/Flags: 0x([0-9a-f]+)/), 16);
  const attributes = [...text.matchAll(/^ {2}(\S+) \(\d+\)/gm)].map((match) => match[1] ?? '');
  return {
    stat: {
      type,
      mode: Number.parseInt(field(/Mode: +(\d+)/), 8),
      uid: Number(field(/User: +(-?\d+)/)) >>> 0,
      gid: Number(field(/Group: +(-?\d+)/)) >>> 0,
      links: Number(field(/Links: (\d+)/)),
      size: Number(field(/Size: (\d+)\n/)),
      allocated: Number(field(/Blockcount: (\d+)/)) * (flags & 0x40000 ? Number.NaN : 512),
      device: device === null ? null : { major: Number(device[1]), minor: Number(device[2]) },
      atime: time('atime'),
      mtime: time('mtime'),
      ctime: time('ctime'),
      btime: time('crtime'),
    },
    xattrs: attributes.filter((name) => name !== 'system.data').sort(),
  };
}

/**
 * Reads in pieces of an odd size, so that they begin and end anywhere in a block. debugfs dumps the whole 60
 * bytes of a shorter file inside its inode: more zeroes than the file has are let pass up to there.
 */
export function compareContent(where: string, file: BlockDevice, path: Buffer | string): void {
  const piece = 1_000_003;
  const theirs = openSync(path, 'r');
  try {
    const other = Buffer.alloc(piece);
    for (let offset = 0; ; offset += piece) {
      const length = readSync(theirs, other, 0, piece, offset);
      const wanted = Math.max(0, Math.min(piece, file.size - offset));
      const padded = length === 60 && wanted < 60 && other.subarray(wanted, 60).every((byte) => byte === 0);
      if (!padded) expect(wanted, `${where} size at ${offset}`).toBe(length);
      if (length === 0) break;
      const same = other.subarray(0, wanted).equals(read(file, offset, wanted));
      expect(same, `${where} from ${offset} on`).toBe(true);
      if (length < piece) break;
    }
  } finally {
    closeSync(theirs);
  }
}
