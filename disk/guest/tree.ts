import { limit } from '../error.ts';
import type { Filesystem, FileType, Ino, Stat } from '../filesystems/filesystem.ts';
import type { Limits } from '../limits.ts';
import { type Name, nameOf, textOf } from '../name.ts';
import { byBytes, linesOf, part } from './text.ts';
import type { Warnings } from './warnings.ts';

/** PATH_MAX of Linux: a longer symlink target cannot be followed there either. */
const maxPathBytes = 4096;
/** Looked-up names kept; past it they are looked up again. */
const maxCachedNodes = 100_000;
/** Bytes of one read of a streamed file. */
const chunkBytes = 128 * 1024;
/** Bytes of all files together that are read whole: one large file may be linked to by a thousand names. */
const maxContentBytes = 64 * 1024 ** 2;
/** Entries of all directories together that are listed, for the same reason. */
const maxListed = 50_000;
/** Lines of one file: no file of configuration has more, and each takes far more memory than its bytes. */
const maxLines = 200_000;
const newline = 0x0a;
/** A longer line is cut: nothing that is read line by line has a meaning past it, and results stay small. */
const maxLineBytes = 64 * 1024;
/** Bytes of all files together that are streamed: a sparse file of terabytes costs nothing to make. */
const maxStreamBytes = 256 * 1024 ** 2;

/** A place in the tree. `path` is where it is in the guest, without symbolic links. */
class Node {
  readonly filesystem: Filesystem;
  readonly ino: Ino;
  readonly parent: Node | null;
  readonly path: Name;
  readonly children = new Map<Name, Node | null>();
  mounted: Node | null = null;
  stat: Stat | null = null;

  constructor(filesystem: Filesystem, ino: Ino, parent: Node | null, path: Name) {
    this.filesystem = filesystem;
    this.ino = ino;
    this.parent = parent;
    this.path = path;
  }
}

/** What is seen at a node: the last filesystem mounted on it. */
function topmost(node: Node | null): Node | null {
  let top = node;
  while (top !== null && top.mounted !== null) top = top.mounted;
  return top;
}

export type TreeEntry = { readonly name: Name; readonly type: FileType };

/**
 * The files of one guest as its own kernel would see them: filesystems mounted on each other, symbolic links
 * followed inside (an absolute one starts at the guest's root, `..` stops there). A path is absolute: a Name, or
 * ASCII of our own around one. What is not there is null or empty; so are a loop of links (warning
 * SYMLINK_LOOP) and what cannot be read (FILE_UNREADABLE, see {@link Warnings.attempt}).
 */
export class GuestTree {
  readonly #root: Node;
  readonly #limits: Limits;
  readonly #warnings: Warnings;
  #cached = 0;
  #contentBytes = 0;
  #listed = 0;
  #streamedBytes = 0;
  /** Paths where something is that is not seen here: its filesystem is not mounted, or it cannot be read. */
  readonly #unseen = new Set<string>();

  constructor(filesystem: Filesystem, root: Ino, limits: Limits, warnings: Warnings) {
    this.#root = new Node(filesystem, root, null, part('/'));
    this.#limits = limits;
    this.#warnings = warnings;
  }

  /** Mounts a filesystem's root on a directory. False when there is no such directory. */
  mount(path: Name, filesystem: Filesystem, root: Ino): boolean {
    return this.#cover(path, (at) => new Node(filesystem, root, at.parent, at.path));
  }

  /** Makes the directory `from` visible at `path` as well, as `mount --bind` does. */
  bind(path: Name, from: Name): boolean {
    const source = this.#directory(from);
    if (source === null) return false;
    return this.#cover(path, (at) => new Node(source.filesystem, source.ino, at.parent, at.path));
  }

  /** Notes that the filesystem that belongs on `path` is not there; `/` where nobody knows what belongs where. */
  leaveOut(path: Name): void {
    this.#unseen.add(path);
  }

  /**
   * Whether what is found at the path is all there is: false below a mount point that was left out, and where
   * an earlier look failed. So what is not there can be told from what nobody knows.
   */
  isKnown(path: string): boolean {
    for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
      if (this.#unseen.has(at)) return false;
    }
    return !this.#unseen.has('/');
  }

  #cover(path: Name, over: (at: Node) => Node): boolean {
    const at = this.#directory(path);
    if (at === null || at === this.#root) return false;
    at.mounted = over(at);
    return true;
  }

  /** What the path is, after symbolic links. */
  type(path: string): FileType | null {
    return this.stat(path)?.type ?? null;
  }

  isDirectory(path: string): boolean {
    return this.type(path) === 'directory';
  }

  stat(path: string): Stat | null {
    return this.#at(path, (node) => this.#stat(node));
  }

  /** Where the path ends after symbolic links; null where that is nothing. */
  resolve(path: string): Name | null {
    return this.#at(path, (node) => node.path);
  }

  /** The target of a symbolic link as stored, or null where the path is something else. The link may dangle. */
  readlink(path: string): Name | null {
    return this.#at(
      path,
      (node) => (this.#stat(node).type === 'symlink' ? node.filesystem.readlink(node.ino) : null),
      false,
    );
  }

  /** Whether the directory holds the name, be it a dangling symbolic link. */
  has(path: string): boolean {
    return this.#at(path, () => true, false) === true;
  }

  /** A directory's entries in bytewise order, at most Limits.maxEntries; empty where it is none. */
  list(path: string): TreeEntry[] {
    const found = this.#at(path, (node) => {
      if (this.#stat(node).type !== 'directory') return [];
      const entries: TreeEntry[] = [];
      for (const { name, ino, type } of node.filesystem.list(node.ino)) {
        if (entries.length >= this.#limits.maxEntries) {
          throw limit('guest', 'maxEntries', `a directory of more than ${entries.length} entries`);
        }
        if (++this.#listed > maxListed) throw limit('guest', 'maxListed', `more than ${maxListed} entries`);
        entries.push({ name, type: type === 'unknown' ? node.filesystem.stat(ino).type : type });
        // What is listed is mostly opened next: no need to search the directory again for each name.
        if (!node.children.has(name)) this.#keep(node, name, ino);
      }
      return entries.sort((a, b) => byBytes(a.name, b.name));
    });
    return found ?? [];
  }

  /** A regular file's bytes, at most Limits.maxFileBytes. */
  readFile(path: string): Uint8Array | null {
    return this.#content(path, (size) => {
      if (size <= this.#limits.maxFileBytes) return size;
      throw limit('guest', 'maxFileBytes', `a file of ${size} bytes`);
    });
  }

  /** The first bytes of a regular file: `length` of them or, of a shorter file, all. */
  readHead(path: string, length: number): Uint8Array | null {
    return this.#content(path, (size) => Math.min(size, length));
  }

  #content(path: string, wanted: (size: number) => number): Uint8Array | null {
    return this.#at(path, (node) => {
      if (this.#stat(node).type !== 'file') return null;
      const file = node.filesystem.open(node.ino);
      const length = wanted(file.size);
      this.#contentBytes += length;
      if (this.#contentBytes > maxContentBytes) {
        throw limit('guest', 'maxContentBytes', `more than ${maxContentBytes} bytes of small files`);
      }
      const bytes = new Uint8Array(length);
      if (bytes.length > 0) file.readInto(bytes, 0);
      return bytes;
    });
  }

  /** A small file's lines, without their ends (LF or CR LF), cut at 64 KiB; empty where there is none, or too many. */
  lines(path: string): Name[] {
    return this.linesHolding('', path) ?? [];
  }

  /** See {@link lines}: none, too, of a file that does not hold `text`. Null where the file cannot be read. */
  linesHolding(text: string, path: string): Name[] | null {
    const bytes = this.readFile(path);
    if (bytes === null) return null;
    if (!Buffer.from(bytes.buffer).includes(text)) return [];
    let count = 0;
    for (const byte of bytes) if (byte === newline) count++;
    if (count <= maxLines) return linesOf(bytes, maxLineBytes);
    this.#warnings.unreadable(path, limit('guest', 'maxLines', `a file of ${count} lines`));
    return null;
  }

  /**
   * The lines of a file of any size (up to 256 MiB), read in pieces; a line is cut at 64 KiB. `ended` hears
   * whether all of it could be read; false comes with a warning.
   */
  *stream(path: string, ended: (whole: boolean) => void): Iterable<Name> {
    const node = this.#at(path, (node) => (this.#stat(node).type === 'file' ? node : null));
    if (node === null) {
      ended(this.isKnown(path));
      return;
    }
    let rest = '';
    try {
      const file = node.filesystem.open(node.ino);
      this.#streamedBytes += file.size;
      if (this.#streamedBytes > maxStreamBytes) {
        throw limit('guest', 'maxStreamBytes', `${this.#streamedBytes} bytes of large files`);
      }
      file.prefetch([{ offset: 0, length: file.size }]);
      for (let at = 0; at < file.size; at += chunkBytes) {
        const chunk = new Uint8Array(Math.min(chunkBytes, file.size - at));
        file.readInto(chunk, at);
        const lines = nameOf(chunk).split('\n');
        const last = lines.pop() ?? '';
        for (const line of lines) {
          yield part(rest === '' ? line : (rest + line).slice(0, maxLineBytes));
          rest = '';
        }
        if (rest.length < maxLineBytes) rest += last;
      }
    } catch (error) {
      this.#warnings.unreadable(textOf(node.path), error);
      ended(false);
      return;
    }
    if (rest.length > 0) yield part(rest);
    ended(true);
  }

  #directory(path: Name): Node | null {
    return this.#at(path, (node) => (this.#stat(node).type === 'directory' ? node : null));
  }

  #at<T>(path: string, look: (node: Node) => T | null, follow = true): T | null {
    try {
      const node = this.#walk(part(path), follow);
      return node === null ? null : look(node);
    } catch (error) {
      this.#warnings.unreadable(textOf(part(path)), error);
      this.#unseen.add(path);
      return null;
    }
  }

  #walk(path: Name, follow: boolean): Node | null {
    const ahead = path.split('/').reverse();
    let node = this.#root;
    let hops = 0;
    for (let step = ahead.pop(); step !== undefined; step = ahead.pop()) {
      if (step === '' || step === '.') continue;
      if (step === '..') {
        node = node.parent ?? node;
        continue;
      }
      const child = this.#child(node, part(step));
      if (child === null) return null;
      if ((follow || ahead.length > 0) && this.#stat(child).type === 'symlink') {
        if (++hops > this.#limits.maxSymlinks) {
          const message = `more than ${this.#limits.maxSymlinks} symbolic links on the way, taken as missing`;
          this.#warnings.add('SYMLINK_LOOP', message, textOf(path));
          return null;
        }
        const target = child.filesystem.readlink(child.ino);
        if (target === '' || target.length >= maxPathBytes) return null;
        if (target.startsWith('/')) node = this.#root;
        ahead.push(...target.split('/').reverse());
        continue;
      }
      node = child;
    }
    return node;
  }

  #child(directory: Node, wanted: Name): Node | null {
    const known = directory.children.get(wanted);
    if (known !== undefined) return topmost(known);
    if (this.#stat(directory).type !== 'directory') return null;
    return this.#keep(directory, wanted, directory.filesystem.lookup(directory.ino, wanted));
  }

  /** The node of a directory's entry, or null for none; remembered while there is room. */
  #keep(directory: Node, entry: Name, ino: Ino | null): Node | null {
    const path = part(`${directory.path === '/' ? '' : directory.path}/${entry}`);
    const child = ino === null ? null : new Node(directory.filesystem, ino, directory, path);
    if (this.#cached < maxCachedNodes) {
      directory.children.set(entry, child);
      this.#cached++;
    }
    return child;
  }

  #stat(node: Node): Stat {
    node.stat ??= node.filesystem.stat(node.ino);
    return node.stat;
  }
}
