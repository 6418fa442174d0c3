import { randomUUID } from 'node:crypto';
import { createContext } from '../core/context.ts';
import { composeWorker, startSweeper } from './compose.ts';
import { runProcess } from './entry.ts';
import { createLog } from './log.ts';
import { openPlatform } from './platform.ts';
import { coreSettings, parseSettings, sweepMs, workerSettings } from './settings.ts';

await runProcess(async () => {
  const settings = parseSettings(workerSettings, process.env);
  // A worker mints no URLs; the gateway does.
  const { platform, workerIdentity } = await openPlatform(
    settings,
    settings.DISKLANE_PUBLIC_URL ?? 'http://127.0.0.1',
  );
  const context = createContext(platform, {
    settings: coreSettings(settings),
    newId: randomUUID,
    random: Math.random,
    log: createLog(settings.DISKLANE_LOG_LEVEL),
  });
  const id = await workerIdentity(settings.DISKLANE_WORKER_ID);
  const stopSweeping = startSweeper(context, sweepMs(settings));
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
