import { execFileSync } from 'node:child_process';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { debianGuest } from './support/guest.ts';
import { jobDocument, quantile, submit, untilOver } from './support/jobs.ts';
import { startProcess, withDataDirectory } from './support/process.ts';
import { count, ms, printTable } from './support/table.ts';

const RUNS = 30;
const AT_ONCE = 8;

/** Long enough that the next spare child is there, in milliseconds. */
const SPARE_MS = 300;

/** guestkit.inspect of a Debian guest through the API, and debugfs reading two of its files in the same run. */
export async function benchInspection(): Promise<void> {
  const guest = debianGuest();
  if (guest === null) return;
  await withDataDirectory(async (folder) => {
    const service = await startProcess('local/main.ts', {
      DISKLANE_DATA_DIR: folder,
      DISKLANE_IMAGE_ROOTS: dirname(guest.image),
      DISKLANE_CONCURRENCY: String(AT_ONCE),
    });
    try {
      const inspect = () =>
        jobDocument('guestkit.inspect', { image: { path: guest.image, format: 'qcow2' } });
      const ready: number[] = [];
      const notReady: number[] = [];
      const together: number[] = [];
      const debugfs: number[] = [];
      let last = '';
      for (let n = 0; n < RUNS; n++) {
        await delay(SPARE_MS);
        const first = inspect();
        last = first.job_id;
        ready.push(await timed(service.url, [first]));
        // The one before took the spare; this one comes before the next is there.
        notReady.push(await timed(service.url, [inspect()]));
        debugfs.push(timeDebugfs(guest.partition));
      }
      for (let n = 0; n < RUNS / 5; n++) {
        await delay(SPARE_MS);
        together.push(await timed(service.url, Array.from({ length: AT_ONCE }, inspect)));
      }
      const row = (name: string, times: readonly number[]) => [
        name,
        ms(quantile(times, 0.5)),
        ms(quantile(times, 0.95)),
        (quantile(times, 0.5) / quantile(debugfs, 0.5)).toFixed(1),
      ];
      printTable(
        'guestkit.inspect of a Debian guest (minbase, ext4 in qcow2), submit to Completed',
        ['', 'p50 ms', 'p95 ms', '× debugfs'],
        [
          row('spare child ready', ready),
          row('right after another job', notReady),
          row(`${AT_ONCE} at once, until the last`, together),
          row('debugfs: os-release and dpkg/status', debugfs),
        ],
      );
      await printReading(service.url, last);
    } finally {
      await service.stop();
    }
  });
}

/** From the first submit to the last completion, as the caller sees it. */
async function timed(url: string, jobs: readonly { job_id: string; json: string }[]): Promise<number> {
  const began = performance.now();
  await Promise.all(
    jobs.map(async ({ job_id, json }) => {
      await submit(url, json);
      await untilOver(url, job_id);
    }),
  );
  return performance.now() - began;
}

function timeDebugfs({ raw, offset }: { raw: string; offset: number }): number {
  const began = performance.now();
  const device = `${raw}?offset=${offset}`;
  execFileSync('debugfs', ['-R', 'cat /usr/lib/os-release', device], {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  execFileSync('debugfs', ['-R', 'cat /var/lib/dpkg/status', device], {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  return performance.now() - began;
}

type Reading = {
  readonly packages: { readonly count: number };
  readonly statistics: {
    readonly bytes_read: number;
    readonly reads: number;
    readonly peak_memory_bytes: number;
    readonly duration_ms: Readonly<Record<string, number>>;
  };
};

async function printReading(url: string, jobId: string): Promise<void> {
  const response = await fetch(`${url}/api/v1/jobs/${jobId}/result`);
  const { packages, statistics } = ((await response.json()) as { data: Reading }).data;
  const { bytes_read, reads, peak_memory_bytes, duration_ms } = statistics;
  printTable(
    'One of them',
    [
      'packages',
      'bytes read',
      'reads',
      'peak memory MB',
      ...Object.keys(duration_ms).map((phase) => `${phase} ms`),
    ],
    [
      [
        count(packages.count),
        count(bytes_read),
        count(reads),
        count(peak_memory_bytes / 1e6),
        ...Object.values(duration_ms).map(ms),
      ],
    ],
  );
}
