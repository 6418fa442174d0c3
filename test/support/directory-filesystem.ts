import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import type { BlockDevice } from '../../disk/device.ts';
import { DiskError } from '../../disk/error.ts';
import type { Entry, Filesystem, FileType, Ino, Stat } from '../../disk/filesystems/filesystem.ts';
import { bytesOf, type Name, name, nameOf } from '../../disk/name.ts';

/**
 * A folder of this machine as a guest's filesystem, so that guest knowledge is tested on plain files. Inodes
 * are numbers given out by path. A path in `broken` fails as damage when its content, listing or target is read.
 */
export function directoryFilesystem(
  folder: string,
  options: { uuid?: string; broken?: readonly string[]; error?: (at: string) => Error } = {},
): Filesystem {
  const paths: Name[] = [name(folder)];
  const numbers = new Map<Name, number>([[name(folder), 0]]);
  const path = (ino: Ino): Buffer => bytesOf(paths[Number(ino)] ?? name(''));
  const child = (directory: Ino, entry: Name): Ino => {
    const full = nameOf(Buffer.concat([path(directory), Buffer.from('/'), bytesOf(entry)]));
    const known = numbers.get(full);
    if (known !== undefined) return known;
    numbers.set(full, paths.length);
    return paths.push(full) - 1;
  };
  const check = (ino: Ino) => {
    const inside = path(ino).toString().slice(folder.length);
    if (!options.broken?.includes(inside)) return;
    throw (
      options.error?.(inside) ??
      new DiskError({
        kind: 'damage',
        layer: 'test',
        at: 4096,
        image: { source: 0, offset: 8192 },
        expected: 'a whole block',
        found: 'a broken one',
      })
    );
  };
  return {
    type: 'ext4',
    state: 'clean',
    facts: {
      type: 'ext4',
      label: null,
      uuid: options.uuid ?? null,
      blockSize: 4096,
      sizeBytes: 1 << 20,
      usedBytes: null,
      features: [],
      state: 'clean',
    },
    notes: [],
    roots: [{ id: '', path: name('/'), ino: 0, isDefault: true }],
    lookup(directory, entry) {
      check(directory);
      const names = readdirSync(path(directory), { encoding: 'buffer' }).map(nameOf);
      return names.includes(entry) ? child(directory, entry) : null;
    },
    *list(directory): Iterable<Entry> {
      check(directory);
      for (const bytes of readdirSync(path(directory), { encoding: 'buffer' })) {
        const ino = child(directory, nameOf(bytes));
        yield { name: nameOf(bytes), ino, type: typeOf(path(ino)) };
      }
    },
    stat(ino): Stat {
      const stat = lstatSync(path(ino));
      return {
        ino,
        type: typeOf(path(ino)),
        mode: stat.mode & 0o7777,
        uid: stat.uid,
        gid: stat.gid,
        links: stat.nlink,
        size: stat.size,
        allocated: null,
        device: null,
        atime: null,
        mtime: null,
        ctime: null,
        btime: null,
      };
    },
    readlink(ino) {
      check(ino);
      return nameOf(readlinkSync(path(ino), { encoding: 'buffer' }));
    },
    xattrs: () => [],
    open(ino): BlockDevice {
      check(ino);
      return fileDevice(path(ino));
    },
  };
}

function typeOf(path: Buffer): FileType {
  const stat = lstatSync(path);
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  if (stat.isSymbolicLink()) return 'symlink';
  if (stat.isFIFO()) return 'fifo';
  return stat.isSocket() ? 'socket' : stat.isBlockDevice() ? 'block' : 'character';
}

function fileDevice(path: Buffer): BlockDevice {
  const size = lstatSync(path).size;
  return {
    size,
    sectorSize: null,
    readInto(to, offset) {
      const file = openSync(path, 'r');
      try {
        if (readSync(file, to, 0, to.length, offset) !== to.length) throw new Error('short read');
      } finally {
        closeSync(file);
      }
    },
    prefetch: () => {},
    extents: () => [{ offset: 0, length: size, kind: 'data' }],
    place: (offset) => ({ source: 0, offset }),
  };
}
