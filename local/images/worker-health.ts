import { openPlatform, workerHost } from '../../worker/platform.ts';
import { parseSettings, workerSettings } from '../../worker/settings.ts';

// The worker's health check in its image: exit code 0 when the beats of this container's worker arrive. A worker
// listens nowhere, and a process that is there may still hang or be cut off from its stores.
const settings = parseSettings(workerSettings, process.env);
const { platform } = await openPlatform(settings, 'http://127.0.0.1');
const named = settings.DISKLANE_WORKER_ID;
const workers = await platform.workers.list();
await platform.close();
const beating = workers
  .map(({ worker_id }) => worker_id)
  .filter((id) => (named === undefined ? id.startsWith(`${workerHost()}-`) : id === named));
console.log(beating.join(' ') || 'no beat of a worker of this host');
if (beating.length === 0) process.exitCode = 1;
