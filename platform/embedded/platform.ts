import { join } from 'node:path';
import { PageTokens } from '../../core/page-token.ts';
import type { Platform } from '../../core/ports.ts';
import { prepareDataDirectory } from './data-directory.ts';
import { Database } from './database.ts';
import { EmbeddedEventLog } from './events.ts';
import { EmbeddedJobStore } from './jobs.ts';
import { sweepObjectFiles } from './object-sweep.ts';
import { EmbeddedObjectStore } from './objects.ts';
import { type Grant, type Refusal, verifyPresigned } from './presign.ts';
import { EmbeddedJobQueue } from './queue.ts';
import { signingKey } from './signing-key.ts';
import { EmbeddedWorkerRegistry } from './workers.ts';

export type EmbeddedOptions = {
  /** Made when it is not there; several processes of one machine may share it. */
  readonly dataDir: string;
  /** Where clients reach the gateway: presigned URLs begin with it. */
  readonly publicUrl: string;
  /** Folders that jobs may read images from; none may overlap the data directory. */
  readonly imageRoots?: readonly string[];
  /** Milliseconds since 1970; the system's clock when left out. */
  readonly clock?: () => number;
};

export type EmbeddedPlatform = Platform & {
  /** The data directory's real path. */
  readonly dataDir: string;
  /** What a request for a presigned URL is granted; `path` as it was sent, from /objects/ on. */
  verifyPresigned(path: string, query: URLSearchParams): Grant | Refusal;
};

/** The ports on one machine: a SQLite database and a folder of files. Throws a StorageError when it cannot open them. */
export async function openEmbeddedPlatform(options: EmbeddedOptions): Promise<EmbeddedPlatform> {
  const { publicUrl, imageRoots = [], clock = Date.now } = options;
  const dataDir = await prepareDataDirectory(options.dataDir, imageRoots);
  const key = await signingKey(dataDir);
  const db = await Database.open(join(dataDir, 'disklane.db'));
  const tokens = new PageTokens(key);
  const folder = join(dataDir, 'objects');
  const queue = new EmbeddedJobQueue(db, clock);
  const stopping = new AbortController();
  const sweep = sweepObjectFiles(db, folder, stopping.signal);
  return {
    dataDir,
    jobs: new EmbeddedJobStore(db, tokens, clock),
    events: new EmbeddedEventLog(db),
    queue,
    objects: new EmbeddedObjectStore(db, folder, tokens, { key, publicUrl }, clock),
    workers: new EmbeddedWorkerRegistry(db, clock),
    verifyPresigned: (path, query) => verifyPresigned(key, path, query, clock()),
    async close() {
      queue.close();
      stopping.abort();
      await sweep;
      await db.close();
    },
  };
}
