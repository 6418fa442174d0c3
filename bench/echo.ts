import { echo, quantile, submit, untilIdle, untilOver } from './support/jobs.ts';
import { type Running, startProcess, withDataDirectory } from './support/process.ts';
import { count, ms, printTable } from './support/table.ts';

const TURNAROUNDS = 200;
const BURST = 2000;
const SUBMITTERS = 32;

/** Turnaround of system.echo, by the job's own times, and jobs a second through one worker. */
export async function benchEcho(): Promise<void> {
  const together = await withDataDirectory(async (folder) => {
    const service = await startProcess('local/main.ts', { DISKLANE_DATA_DIR: folder });
    try {
      return [...(await turnaround(service.url)), await throughput(service.url)];
    } finally {
      await service.stop();
    }
  });
  const apart = await withDataDirectory(async (folder) => {
    const running: Running[] = [];
    try {
      for (const entry of ['worker/main.ts', 'local/gateway.ts']) {
        running.push(await startProcess(entry, { DISKLANE_DATA_DIR: folder }));
      }
      const url = running[1]?.url ?? '';
      return [...(await turnaround(url)), await throughput(url)];
    } finally {
      for (const process of running) await process.stop();
    }
  });
  printTable(
    'system.echo, submit to Completed, one worker',
    ['processes', 'p50 ms', 'p99 ms', 'jobs/s'],
    [
      ['gateway and worker in one', ...together],
      ['gateway and worker apart', ...apart],
      ['the jobs first, then the worker', '', '', await withDataDirectory(backlog)],
    ],
  );
}

/** Jobs a second of a worker that finds them all waiting: what it does when nobody submits beside it. */
async function backlog(folder: string): Promise<string> {
  const gateway = await startProcess('local/gateway.ts', { DISKLANE_DATA_DIR: folder });
  try {
    const documents = await submitBurst(gateway.url);
    const worker = await startProcess('worker/main.ts', { DISKLANE_DATA_DIR: folder });
    try {
      return await jobsPerSecond(gateway.url, documents, 'started_at');
    } finally {
      await worker.stop();
    }
  } finally {
    await gateway.stop();
  }
}

async function turnaround(url: string): Promise<string[]> {
  const took: number[] = [];
  for (let n = 0; n < TURNAROUNDS; n++) {
    const { job_id, json } = echo();
    await submit(url, json);
    const { submitted_at, completed_at } = await untilOver(url, job_id);
    if (n >= TURNAROUNDS / 10) took.push(Date.parse(completed_at) - Date.parse(submitted_at));
  }
  return [ms(quantile(took, 0.5)), ms(quantile(took, 0.99))];
}

/** From the first submit to the last completion, by the store's clock. */
async function throughput(url: string): Promise<string> {
  return jobsPerSecond(url, await submitBurst(url), 'submitted_at');
}

async function submitBurst(url: string): Promise<readonly { job_id: string }[]> {
  const documents = Array.from({ length: BURST }, echo);
  const queue = [...documents];
  const submitter = async () => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) await submit(url, next.json);
  };
  await Promise.all(Array.from({ length: SUBMITTERS }, submitter));
  return documents;
}

async function jobsPerSecond(
  url: string,
  documents: readonly { job_id: string }[],
  from: 'submitted_at' | 'started_at',
): Promise<string> {
  let first = Number.POSITIVE_INFINITY;
  let last = 0;
  await untilIdle(url);
  for (const { job_id } of documents) {
    const job = await untilOver(url, job_id);
    first = Math.min(first, Date.parse(job[from]));
    last = Math.max(last, Date.parse(job.completed_at));
  }
  return count(documents.length / ((last - first) / 1000));
}
