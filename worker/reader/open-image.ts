import { type BigIntStats, close, constants, fstat, open, readlink, realpath } from 'node:fs';
import { isAbsolute, resolve, sep } from 'node:path';
import { promisify } from 'node:util';
import { ReaderError } from './error.ts';

const openFile = promisify(open);
const closeFile = promisify(close);
const statFile = promisify(fstat);
const readLink = promisify(readlink);
const realPath = promisify(realpath);

/** A FIFO must not hang us, a terminal must not become ours. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

const notThere = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'ERR_INVALID_ARG_VALUE']);
/** What open says of a socket, or of a device that nothing stands behind. */
const notOpenable = new Set(['ENXIO', 'ENODEV']);

/** A stored image, opened once; everything else goes by its descriptor. */
export type OpenedFile = {
  readonly path: string;
  readonly descriptor: number;
  /** Bytes. */
  readonly size: number;
  /** Rejects with IMAGE_CHANGED where size, mtime or ctime are no longer those of the opening. */
  assertUnchanged(): Promise<void>;
  close(): Promise<void>;
};

/**
 * Opens a regular file inside one of `roots` for reading. A path that by its text lies outside the roots is
 * refused untouched, so that nobody learns what else is there. Symbolic links may lead anywhere inside the
 * roots: what counts is where the open descriptor lies, which no swap of the path can change any more.
 * Rejects with IMAGE_NOT_FOUND, IMAGE_NOT_ALLOWED or IMAGE_UNREADABLE.
 */
export async function openImage(path: string, roots: readonly string[]): Promise<OpenedFile> {
  const resolved = await resolveRoots(roots);
  if (!isAbsolute(path) || ![...roots, ...resolved].some((root) => isInside(resolve(path), resolve(root)))) {
    throw notAllowed(path, 'is not inside an image root');
  }
  const descriptor = await openFile(path, FLAGS).catch((error) => {
    throw openError(path, error);
  });
  try {
    const opened = await statFile(descriptor, { bigint: true });
    if (!opened.isFile()) throw notAllowed(path, 'is not a regular file');
    const actual = await readLink(`/proc/self/fd/${descriptor}`);
    if (!resolved.some((root) => isInside(actual, root)))
      throw notAllowed(path, 'leads out of the image roots');
    return {
      path,
      descriptor,
      size: Number(opened.size),
      assertUnchanged: () => assertUnchanged(path, descriptor, opened),
      close: () => closeFile(descriptor),
    };
  } catch (error) {
    await closeFile(descriptor);
    throw error instanceof ReaderError ? error : unreadable(path, error);
  }
}

async function assertUnchanged(path: string, descriptor: number, opened: BigIntStats): Promise<void> {
  const now = await statFile(descriptor, { bigint: true }).catch((error) => {
    throw unreadable(path, error);
  });
  for (const field of ['size', 'mtimeNs', 'ctimeNs'] as const) {
    if (now[field] === opened[field]) continue;
    const details = { path, field, before: String(opened[field]), after: String(now[field]) };
    throw new ReaderError(
      'IMAGE_CHANGED',
      'reading',
      `${path} changed while it was read (${field})`,
      details,
    );
  }
}

/** Where the roots really are; a root that is not there holds nothing. */
async function resolveRoots(roots: readonly string[]): Promise<string[]> {
  const found = await Promise.all(roots.map((root) => realPath(root).catch(() => null)));
  return found.filter((root) => root !== null);
}

/** A root may also be the one image itself. */
function isInside(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}

function openError(path: string, error: NodeJS.ErrnoException): ReaderError {
  const code = error.code ?? '';
  if (notThere.has(code))
    return new ReaderError('IMAGE_NOT_FOUND', 'opening', `${path} does not exist`, { path });
  if (notOpenable.has(code)) return notAllowed(path, 'is not a regular file');
  return unreadable(path, error);
}

function notAllowed(path: string, why: string): ReaderError {
  return new ReaderError('IMAGE_NOT_ALLOWED', 'opening', `${path} ${why}`, { path, reason: why });
}

function unreadable(path: string, error: unknown): ReaderError {
  const reason = error instanceof Error ? error.message : String(error);
  return new ReaderError(
    'IMAGE_UNREADABLE',
    'opening',
    `${path} cannot be read: ${reason}`,
    { path, reason },
    error,
  );
}
