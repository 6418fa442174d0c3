import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { styleText } from 'node:util';
import { parseSettings } from '../../worker/settings.ts';
import { localSettings } from '../settings.ts';
import { startService } from '../start.ts';
import { fetchResult, follow, submitInspection } from './client.ts';
import { createProgress } from './progress.ts';
import { summarise } from './summary.ts';

const sample = join(import.meta.dirname, '../../disk/reader/sample.qcow2');

/** Inspects the sample guest, or the image at a path, through a service of its own on a free port. */
async function demo(path: string): Promise<number> {
  // npm runs this in the package's folder; INIT_CWD is where the person stands who gave the path.
  const image = await realpath(resolve(process.env.INIT_CWD ?? '', path)).catch(() => null);
  if (image === null) {
    console.error(`disklane demo: ${path} does not exist`);
    return 1;
  }
  const stopped = interrupted();
  const dataDir = await mkdtemp(join(tmpdir(), 'disklane-demo-'));
  const settings = {
    ...parseSettings(localSettings, { PORT: '0', DISKLANE_DATA_DIR: dataDir, DISKLANE_DRAIN_SECONDS: '0' }),
    // The root is the image itself: nothing else on this machine can be named in a job.
    DISKLANE_IMAGE_ROOTS: [image],
  };
  const service = await startService(settings, { worker: true });
  try {
    return await Promise.race([inspect(`${service.url}/api/v1`, image), stopped]);
  } finally {
    await service.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** The exit code for when the demo is told to stop, or nobody reads what it prints any more. */
function interrupted(): Promise<number> {
  return new Promise((resolve) => {
    process.on('SIGINT', () => resolve(130));
    process.on('SIGTERM', () => resolve(143));
    process.stdout.on('error', () => resolve(1));
  });
}

async function inspect(api: string, image: string): Promise<number> {
  console.log(`${styleText('bold', 'Disklane')} inspects ${image}\n  through ${api}`);
  const began = performance.now();
  const jobId = await submitInspection(api, image);
  const progress = createProgress(process.stdout);
  const job = await follow(api, jobId, progress.show);
  progress.end();
  const took = performance.now() - began;
  if (job.status !== 'Completed') {
    console.error(
      styleText('red', `${job.status}: ${job.error_details?.code ?? ''} ${job.error ?? ''}`, {
        stream: process.stderr,
      }),
    );
    return 1;
  }
  const { result, download, matched } = await fetchResult(api, jobId);
  console.log(summarise(result).join('\n'));
  console.log(`  ${styleText('cyan', 'job'.padEnd(12))}  ${took.toFixed(0)} ms from submit to Completed`);
  const verdict = matched ? 'matched its checksum' : 'did NOT match its checksum';
  console.log(
    `\nThe presigned download (${download.size_bytes} bytes) ${verdict}, sha256 ${download.sha256}.`,
  );
  return matched ? 0 : 1;
}

const [path = sample, ...more] = process.argv.slice(2);
if (more.length > 0) {
  console.error('disklane demo: takes one path; put quotes around one with blanks');
  process.exit(1);
}
// Not only the exit code: after an interruption something may still wait for the job.
process.exit(await demo(path));
