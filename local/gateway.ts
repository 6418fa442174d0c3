import { runProcess } from '../worker/entry.ts';
import { parseSettings } from '../worker/settings.ts';
import { localSettings } from './settings.ts';
import { startService } from './start.ts';

await runProcess(async () => {
  const { where, stop } = await startService(parseSettings(localSettings, process.env), { worker: false });
  return { ready: `disklane gateway ready on ${where}`, stop };
});
