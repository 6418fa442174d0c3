import { randomUUID } from 'node:crypto';
import { createContext } from '../core/context.ts';
import { createApi } from '../functions/api.ts';
import { openEmbeddedPlatform } from '../platform/embedded/platform.ts';
import { workerIdentity } from '../platform/embedded/worker-identity.ts';
import { composeWorker, startSweeper } from '../worker/compose.ts';
import { createLog } from '../worker/log.ts';
import { coreSettings } from '../worker/settings.ts';
import { objectsRoute } from './objects-route.ts';
import { listen } from './server.ts';
import type { LocalSettings } from './settings.ts';

export type Service = {
  /** Where this process answers. */
  readonly url: string;
  /** The same for its ready line, with the public URL where that is another. */
  readonly where: string;
  /** Null in a process that is only a gateway. */
  readonly workerId: string | null;
  /** No new requests and jobs; running jobs finish or are handed back. */
  stop(): Promise<void>;
};

/** Requests under way get this long when the service stops, in milliseconds. */
const CLOSE_PATIENCE_MS = 5000;

/** The gateway, and with `worker` a worker beside it, on one data directory. */
export async function startService(
  settings: LocalSettings,
  { worker }: { worker: boolean },
): Promise<Service> {
  const server = await listen(settings.HOST, settings.PORT);
  const url = `http://${hostOf(settings.HOST)}:${server.port}`;
  const publicUrl = settings.DISKLANE_PUBLIC_URL ?? url;
  const where = publicUrl === url ? url : `${url} for ${publicUrl}`;
  // Undone from the last to the first: the API answers while the worker drains.
  const undo: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  };
  undo.push(() => server.close(CLOSE_PATIENCE_MS));
  try {
    const platform = await openEmbeddedPlatform({
      dataDir: settings.DISKLANE_DATA_DIR,
      publicUrl,
      imageRoots: settings.DISKLANE_IMAGE_ROOTS,
    });
    undo.unshift(() => platform.close());
    const context = createContext(platform, {
      settings: coreSettings(settings),
      newId: randomUUID,
      random: Math.random,
      log: createLog(settings.DISKLANE_LOG_LEVEL),
    });
    undo.push(startSweeper(context));
    let workerId: string | null = null;
    if (worker) {
      const id = await workerIdentity(platform.dataDir, settings.DISKLANE_WORKER_ID);
      undo.push(id.release);
      undo.push((await composeWorker(context, settings, id.id)).stop);
      workerId = id.id;
    }
    const api = createApi(context);
    api.route('/', objectsRoute(platform.objects, platform.verifyPresigned));
    server.answerWith((request) => api.fetch(request));
    return { url, where, workerId, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A wildcard address is no address to call; the loopback is. */
function hostOf(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
