import type { BlockDevice } from '../../device.ts';
import type { DiskError } from '../../error.ts';
import type { Limits } from '../../limits.ts';
import { type Name, name, nameOf } from '../../name.ts';
import type { Entry, Filesystem, FilesystemFacts, FilesystemState, Ino, Root, Stat } from '../filesystem.ts';
import { Directories } from './directory.ts';
import { featureNames, Incompat } from './features.ts';
import { InlineFile, MappedFile } from './file.ts';
import { blockArea, blockAreaSize, type Inode, InodeFlag, Inodes, statOf } from './inode.ts';
import { needsRecovery, readJournal } from './journal.ts';
import { mapping } from './mapping.ts';
import { Overlay } from './overlay.ts';
import { readSuperblock } from './superblock.ts';
import { ExtVolume } from './volume.ts';
import { Xattrs } from './xattrs.ts';

const rootInode = 2;
/** Longest symbolic link: the kernel's PATH_MAX, and never more than one block. */
const maxSymlink = 4096;

type Note = { readonly code: string; readonly message: string };

/**
 * Opens an ext2, ext3 or ext4 filesystem on the device. A journal that is not empty is overlaid in memory;
 * where it cannot be, the state is `dirty_read_as_is` and a note says why. Throws `damage` when the superblock
 * and its backups cannot be trusted, `unsupported` for incompatible features by name.
 */
export function openExt(device: BlockDevice, limits: Limits): Filesystem {
  const stored = new ExtVolume(device, readSuperblock(device), limits);
  const notes: Note[] = [];
  let volume = stored;
  let state: FilesystemState = 'clean';
  if (needsRecovery(stored)) {
    const replay = readJournal(stored);
    notes.push(...replay.notes);
    state = replay.complete ? 'replayed' : 'dirty_read_as_is';
    if (replay.blocks.size > 0) {
      const overlay = new Overlay(device, stored.superblock.blockSize, replay.blocks);
      volume = new ExtVolume(overlay, readSuperblock(overlay), limits);
    }
  }
  const { superblock } = volume;
  if (state === 'clean' && !(superblock.stateBits & 1)) {
    state = 'dirty_read_as_is';
    notes.push({ code: 'NOT_UNMOUNTED', message: 'the filesystem was not unmounted cleanly' });
  }
  notes.push(...superblockNotes(volume));
  return new ExtFilesystem(volume, state, notes);
}

function superblockNotes({ superblock, device }: ExtVolume): Note[] {
  const notes: Note[] = [];
  if (superblock.at !== 1024) {
    const message = `the superblock is damaged; its backup at byte ${superblock.at} was read`;
    notes.push({ code: 'BACKUP_SUPERBLOCK', message });
  }
  if (superblock.stateBits & 2) {
    notes.push({ code: 'FILESYSTEM_ERRORS', message: 'the filesystem is marked as having errors' });
  }
  if (superblock.blocks * superblock.blockSize > device.size) {
    const message = `the filesystem has ${superblock.blocks * superblock.blockSize} bytes, its device ${device.size}`;
    notes.push({ code: 'DEVICE_TOO_SMALL', message });
  }
  if (superblock.incompat & Incompat.casefold) {
    const message = 'directories that ignore case are read by exact bytes';
    notes.push({ code: 'CASEFOLD_EXACT', message });
  }
  return notes;
}

class ExtFilesystem implements Filesystem {
  readonly type: string;
  readonly state: FilesystemState;
  readonly facts: FilesystemFacts;
  readonly notes: readonly Note[];
  readonly roots: readonly Root[];
  readonly #volume: ExtVolume;
  readonly #inodes: Inodes;
  readonly #xattrs: Xattrs;
  readonly #directories: Directories;

  constructor(volume: ExtVolume, state: FilesystemState, notes: readonly Note[]) {
    const { superblock: sb } = volume;
    this.type = sb.type;
    this.state = state;
    this.facts = {
      type: sb.type,
      label: sb.label,
      uuid: sb.uuid,
      blockSize: sb.blockSize,
      sizeBytes: sb.blocks * sb.blockSize,
      // As stored, with the filesystem's own tables counted as used; df leaves those out.
      usedBytes: Math.max(0, sb.blocks - sb.freeBlocks) * sb.blockSize,
      features: featureNames(sb.compat, sb.incompat, sb.roCompat),
      state,
    };
    this.notes = notes;
    this.roots = [{ id: `${rootInode}`, path: name('/'), ino: rootInode, isDefault: true }];
    this.#volume = volume;
    this.#inodes = new Inodes(volume);
    this.#xattrs = new Xattrs(volume, this.#inodes);
    this.#directories = new Directories(volume, this.#xattrs);
  }

  lookup(directory: Ino, entry: Name): Ino | null {
    return this.#directories.lookup(this.#directory(directory), entry);
  }

  list(directory: Ino): Iterable<Entry> {
    return this.#directories.list(this.#directory(directory));
  }

  stat(ino: Ino): Stat {
    return statOf(this.#volume, this.#inodes.get(ino));
  }

  readlink(ino: Ino): Name {
    const inode = this.#inodes.get(ino);
    if (inode.type !== 'symlink') throw this.#notA(inode, 'a symbolic link');
    if (inode.size === 0 || inode.size > maxSymlink) {
      throw this.#volume.damage(inode.at + 4, `a link target of 1 to ${maxSymlink} bytes`, `${inode.size}`);
    }
    const isFast = inode.size < blockAreaSize && !(inode.flags & InodeFlag.inlineData);
    if (isFast && !(inode.flags & InodeFlag.encrypt)) {
      return nameOf(inode.raw.subarray(blockArea, blockArea + inode.size));
    }
    const target = new Uint8Array(inode.size);
    this.#content(inode).readInto(target, 0);
    return nameOf(target);
  }

  xattrs(ino: Ino): Iterable<readonly [Name, Uint8Array]> {
    return this.#xattrs.all(this.#inodes.get(ino));
  }

  open(ino: Ino, stream?: Name): BlockDevice {
    const inode = this.#inodes.get(ino);
    if (stream !== undefined) throw this.#volume.unsupported(inode.at, 'named streams', 'ext has none');
    if (inode.type !== 'file') throw this.#notA(inode, 'a regular file');
    return this.#content(inode);
  }

  #content(inode: Inode): BlockDevice {
    const volume = this.#volume;
    if (inode.flags & InodeFlag.encrypt) {
      throw volume.unsupported(
        inode.at + 0x20,
        'encrypt',
        `the content of inode ${inode.number} is encrypted`,
      );
    }
    if (!(inode.flags & InodeFlag.inlineData)) {
      return new MappedFile(volume, mapping(volume, inode), inode.size);
    }
    const rest = this.#xattrs.inlineRest(inode);
    if (inode.size > blockAreaSize + rest.bytes.length) {
      throw volume.damage(
        inode.at + 4,
        `at most ${blockAreaSize + rest.bytes.length} inline bytes`,
        `${inode.size}`,
      );
    }
    const bytes = new Uint8Array(inode.size);
    bytes.set(inode.raw.subarray(blockArea, blockArea + Math.min(blockAreaSize, inode.size)));
    bytes.set(
      rest.bytes.subarray(0, Math.max(0, inode.size - blockAreaSize)),
      Math.min(blockAreaSize, inode.size),
    );
    // The part past the first 60 bytes is placed at the attribute that holds it.
    return new InlineFile(bytes, (offset) =>
      volume.device.place(offset < blockAreaSize ? inode.at + blockArea + offset : rest.at),
    );
  }

  #directory(ino: Ino): Inode {
    const inode = this.#inodes.get(ino);
    if (inode.type !== 'directory') throw this.#notA(inode, 'a directory');
    return inode;
  }

  #notA(inode: Inode, expected: string): DiskError {
    return this.#volume.damage(inode.at, `inode ${inode.number} to be ${expected}`, `a ${inode.type}`);
  }
}
