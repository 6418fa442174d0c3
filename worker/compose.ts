import type { Context } from '../core/context.ts';
import { sendWaiting, sweep } from '../core/use-cases/sweep.ts';
import packageJson from '../package.json' with { type: 'json' };
import { runSystemEcho, runTestEcho } from './operations/echo.ts';
import { createInspect, readableFormats } from './operations/inspect.ts';
import { Readers } from './reader/readers.ts';
import { repeat } from './repeat.ts';
import type { WorkerSettings } from './settings.ts';
import { startWorker } from './worker.ts';

/** Looks after due jobs; any number of processes may. Gives a function that stops it. */
export function startSweeper(context: Context, periodMs: number): () => Promise<void> {
  return repeat('the sweep', periodMs, () => sweep(context), context.log);
}

/** A worker with everything it needs on a platform that is open. `stop` drains it. */
export async function composeWorker(
  context: Context,
  settings: WorkerSettings,
  workerId: string,
): Promise<{ stop: () => Promise<void> }> {
  const readers = await Readers.open({
    roots: settings.DISKLANE_IMAGE_ROOTS,
    memoryBytes: settings.DISKLANE_READER_MEMORY_MB * 1024 ** 2,
  });
  const worker = await startWorker(context, {
    offer: {
      worker_id: workerId,
      pool: settings.DISKLANE_WORKER_POOL,
      version: packageJson.version,
      features: readers.isolation.parts.some((part) => part.startsWith('network'))
        ? ['disk_readers', 'network_isolation']
        : ['disk_readers'],
      max_disk_size_gb: settings.DISKLANE_MAX_DISK_GB,
      privileged: process.getuid?.() === 0,
      labels: settings.DISKLANE_WORKER_LABELS,
    },
    operations: new Map([
      ['system.echo', runSystemEcho],
      ['test.echo', runTestEcho],
      ['guestkit.inspect', createInspect(readers, { maxDiskSizeGb: settings.DISKLANE_MAX_DISK_GB })],
    ]),
    diskFormats: readableFormats,
    concurrency: settings.DISKLANE_CONCURRENCY,
    drainMs: settings.DISKLANE_DRAIN_SECONDS * 1000,
  });
  sendWaiting(context).catch((error: unknown) => {
    context.log({ level: 'warn', message: 'jobs that waited for a worker are left to the sweeper', error });
  });
  return {
    async stop() {
      await worker.drain();
      await readers.close();
    },
  };
}
