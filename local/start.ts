import { randomUUID } from 'node:crypto';
import { createContext } from '../core/context.ts';
import { createApi } from '../functions/api.ts';
import { composeWorker, startSweeper } from '../worker/compose.ts';
import { createLog } from '../worker/log.ts';
import { openPlatform } from '../worker/platform.ts';
import { coreSettings, sweepMs } from '../worker/settings.ts';
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

/** The gateway, and with `worker` a worker beside it, on the platform that the settings name. */
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
    const { platform, workerIdentity, verifyPresigned } = await openPlatform(settings, publicUrl);
    undo.unshift(() => platform.close());
    const context = createContext(platform, {
      settings: coreSettings(settings),
      newId: randomUUID,
      random: Math.random,
      log: createLog(settings.DISKLANE_LOG_LEVEL),
    });
    undo.push(startSweeper(context, sweepMs(settings)));
    let workerId: string | null = null;
    if (worker) {
      const id = await workerIdentity(settings.DISKLANE_WORKER_ID);
      undo.push(id.release);
      undo.push((await composeWorker(context, settings, id.id)).stop);
      workerId = id.id;
    }
    const api = createApi(context);
    // A bucket serves its own URLs.
    if (verifyPresigned !== null) api.route('/', objectsRoute(platform.objects, verifyPresigned));
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
