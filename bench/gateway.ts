import { openEmbeddedPlatform } from '../platform/embedded/platform.ts';
import { echo, submit, untilOver } from './support/jobs.ts';
import { type Measured, measureLoad } from './support/load.ts';
import { startProcess, withDataDirectory } from './support/process.ts';
import { count, ms, printTable } from './support/table.ts';

const CONNECTIONS = [10, 64];
const STORED_JOBS = 1000;

/**
 * The gateway alone: a process without a worker, on a data directory with 1,000 finished jobs. Beside each
 * route, in the same run, a bare Hono route that answers a constant of the same size.
 */
export async function benchGateway(): Promise<void> {
  await withDataDirectory(async (folder) => {
    const settings = { DISKLANE_DATA_DIR: folder };
    const jobId = await storeJobs(settings);
    await pretendWorker(folder);
    const gateway = await startProcess('local/gateway.ts', settings);
    try {
      const jobs = `${gateway.url}/api/v1/jobs`;
      const routes = [
        { name: 'submit', url: jobs, body: () => echo().json },
        { name: 'status', url: `${jobs}/${jobId}` },
        { name: 'list of 100', url: `${jobs}?limit=100` },
        { name: 'result', url: `${jobs}/${jobId}/result` },
      ];
      const rows: string[][] = [];
      // Submits come last: they grow the table that the others read.
      for (const route of [...routes.slice(1), ...routes.slice(0, 1)]) {
        const size = await replySize(route);
        for (const connections of CONNECTIONS) {
          const ours = await measureLoad({ ...route, connections });
          const bare = await measureBare(size, connections);
          rows.push([route.name, ...figures(connections, ours, bare), `${size} B`]);
        }
      }
      const head = ['route', 'connections', 'req/s', 'p50 ms', 'p99 ms', 'bare req/s', 'ratio', 'reply'];
      printTable(`Gateway alone, ${STORED_JOBS} stored jobs`, head, rows);
    } finally {
      await gateway.stop();
    }
  });
}

function figures(connections: number, ours: Measured, bare: Measured): string[] {
  const { perSecond, p50, p99 } = ours;
  const ratio = (perSecond / bare.perSecond).toFixed(2);
  return [String(connections), count(perSecond), ms(p50), ms(p99), count(bare.perSecond), ratio];
}

async function storeJobs(settings: Readonly<Record<string, string>>): Promise<string> {
  const service = await startProcess('local/main.ts', settings);
  try {
    const documents = Array.from({ length: STORED_JOBS }, echo);
    await Promise.all(documents.map(({ json }) => submit(service.url, json)));
    for (const { job_id } of documents) await untilOver(service.url, job_id);
    return documents[0]?.job_id ?? '';
  } finally {
    await service.stop();
  }
}

/** Registers a worker that does not poll, so that submits take their usual way through the queue. */
async function pretendWorker(dataDir: string): Promise<void> {
  const platform = await openEmbeddedPlatform({ dataDir, publicUrl: 'http://127.0.0.1' });
  await platform.workers.beat({
    worker_id: 'bench',
    pool: 'default',
    version: '0.0.0',
    operations: ['system.echo'],
    features: [],
    max_disk_size_gb: 1,
    privileged: false,
    labels: {},
    disk_formats: [],
    max_concurrent_jobs: 1,
    active_jobs: 0,
    started_at: platform.jobs.now(),
    time_to_live_seconds: 3600,
  });
  await platform.close();
}

async function replySize(route: { url: string; body?: () => string }): Promise<number> {
  const init = route.body && {
    method: 'POST',
    body: route.body(),
    headers: { 'content-type': 'application/json' },
  };
  const response = await fetch(route.url, init);
  return (await response.arrayBuffer()).byteLength;
}

async function measureBare(size: number, connections: number): Promise<Measured> {
  const bare = await startProcess('bench/support/bare.ts', { SIZE: String(size) });
  try {
    return await measureLoad({ url: bare.url, connections });
  } finally {
    await bare.stop();
  }
}
