import { randomUUID } from 'node:crypto';
import { createContext } from '../core/context.ts';
import { openEmbeddedPlatform } from '../platform/embedded/platform.ts';
import { workerIdentity } from '../platform/embedded/worker-identity.ts';
import { composeWorker, startSweeper } from './compose.ts';
import { runProcess } from './entry.ts';
import { createLog } from './log.ts';
import { coreSettings, parseSettings, workerSettings } from './settings.ts';

await runProcess(async () => {
  const settings = parseSettings(workerSettings, process.env);
  const platform = await openEmbeddedPlatform({
    dataDir: settings.DISKLANE_DATA_DIR,
    // A worker mints no URLs; the gateway does.
    publicUrl: settings.DISKLANE_PUBLIC_URL ?? 'http://127.0.0.1',
    imageRoots: settings.DISKLANE_IMAGE_ROOTS,
  });
  const context = createContext(platform, {
    settings: coreSettings(settings),
    newId: randomUUID,
    random: Math.random,
    log: createLog(settings.DISKLANE_LOG_LEVEL),
  });
  const id = await workerIdentity(platform.dataDir, settings.DISKLANE_WORKER_ID);
  const stopSweeping = startSweeper(context);
  const worker = await composeWorker(context, settings, id.id);
  return {
    ready: `disklane worker ${id.id} ready: ${settings.DISKLANE_CONCURRENCY} jobs at a time`,
    async stop() {
      await worker.stop();
      await stopSweeping();
      await id.release();
      await platform.close();
    },
  };
});
