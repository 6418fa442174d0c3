import { runProcess } from '../worker/entry.ts';
import { parseSettings } from '../worker/settings.ts';
import { localSettings } from './settings.ts';
import { startService } from './start.ts';

await runProcess(async () => {
  const settings = parseSettings(localSettings, process.env);
  const { where, workerId, stop } = await startService(settings, { worker: true });
  const roots = settings.DISKLANE_IMAGE_ROOTS.join(', ');
  const ready = `disklane ready on ${where}: worker ${workerId}, ${settings.DISKLANE_CONCURRENCY} jobs at a time, images in ${roots}`;
  return { ready, stop };
});
