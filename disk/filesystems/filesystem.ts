import type { BlockDevice } from '../device.ts';
import type { Name } from '../name.ts';

/** A file's number within its filesystem; opaque to everybody but that filesystem. */
export type Ino = bigint | number;

export type FileType =
  | 'file'
  | 'directory'
  | 'symlink'
  | 'block'
  | 'character'
  | 'fifo'
  | 'socket'
  | 'unknown';

/** A time as the filesystem stores it. `zone` is `local` where it keeps wall-clock time (FAT). */
export type Time = { readonly seconds: number; readonly nanoseconds: number; readonly zone: 'utc' | 'local' };

export type Stat = {
  readonly ino: Ino;
  readonly type: FileType;
  /** Permission bits with setuid, setgid and sticky (the low 12 bits of st_mode). */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  /** Bytes. */
  readonly size: number;
  /** Bytes allocated, or null where the filesystem does not say. */
  readonly allocated: number | null;
  readonly device: { readonly major: number; readonly minor: number } | null;
  readonly atime: Time | null;
  readonly mtime: Time | null;
  readonly ctime: Time | null;
  readonly btime: Time | null;
};

export type Entry = { readonly name: Name; readonly ino: Ino; readonly type: FileType };

/** One root of a filesystem: the only one of ext4, a subvolume or snapshot of btrfs. */
export type Root = {
  readonly id: string;
  readonly path: Name;
  readonly ino: Ino;
  readonly isDefault: boolean;
};

/** `replayed`: a journal was overlaid in memory. `dirty_read_as_is`: it could not be, `notes` says why. */
export type FilesystemState = 'clean' | 'replayed' | 'dirty_read_as_is';

/** What the superblock says about the whole filesystem; sizes in bytes, unknown is null. */
export type FilesystemFacts = {
  readonly type: string;
  readonly label: Name | null;
  readonly uuid: string | null;
  readonly blockSize: number;
  readonly sizeBytes: number;
  readonly usedBytes: number | null;
  readonly features: readonly string[];
  readonly state: FilesystemState;
};

/**
 * A guest filesystem, read-only. It follows no symbolic link and resolves no path: the guest tree does.
 * Every method throws a DiskError (`damage`, `unsupported`, `io`, `limit`), and nothing else, whatever the
 * bytes are; damage in one inode does not spoil the others.
 */
export interface Filesystem {
  readonly type: string;
  readonly state: FilesystemState;
  readonly facts: FilesystemFacts;
  /** What a reader should know: casefolded directories read by exact bytes, a journal not replayed. */
  readonly notes: readonly { readonly code: string; readonly message: string }[];
  readonly roots: readonly Root[];
  /** The entry's inode, or null where the directory has none of that name. Case rules live here. */
  lookup(directory: Ino, name: Name): Ino | null;
  /** Entries without `.` and `..`, streamed, each once, in stored order. */
  list(directory: Ino): Iterable<Entry>;
  stat(ino: Ino): Stat;
  readlink(ino: Ino): Name;
  /** Extended attributes by full name (`security.selinux`). */
  xattrs(ino: Ino): Iterable<readonly [Name, Uint8Array]>;
  /** The file's content as a device of its own, so that images inside files can be opened too. */
  open(ino: Ino, stream?: Name): BlockDevice;
}
