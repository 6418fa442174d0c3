import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Inspection } from '../../disk/guest/facts.ts';
import { inspect } from '../../disk/inspect.ts';
import type { InspectOptions, Progress } from '../../disk/inspection.ts';
import { defaultLimits, type Limits } from '../../disk/limits.ts';
import { FileDevice } from './file-device.ts';
import { everything, type Files, plant } from './guest.ts';
import { run } from './run.ts';
import { scratch } from './scratch.ts';

const MiB = 1024 ** 2;

/** A partition with the files on it, or left empty. Sizes in MiB. */
export type PartitionSpec = {
  readonly files?: Files;
  readonly sizeMiB?: number;
  /** Arguments of mke2fs instead of `-t ext4`: `-U`, `-L`, … */
  readonly mke2fs?: readonly string[];
  /** Further fields of sfdisk's line: `name=`, `uuid=`, … */
  readonly sfdisk?: string;
};

/** A raw disk with a partition table and ext4 filesystems, by sfdisk and mke2fs; partition n starts at `starts[n]`. */
export async function makeDisk(
  label: 'gpt' | 'dos',
  specs: readonly PartitionSpec[],
): Promise<{ path: string; starts: readonly number[] }> {
  const folder = await scratch();
  const path = join(folder, 'disk.raw');
  let at = 1;
  const starts: number[] = [];
  const lines = specs.map(({ sizeMiB = 8, sfdisk }) => {
    starts.push(at * MiB);
    const line = `start=${at * 2048}, size=${sizeMiB * 2048}, type=L${sfdisk === undefined ? '' : `, ${sfdisk}`}`;
    at += sizeMiB;
    return line;
  });
  await writeFile(path, '');
  await truncate(path, (at + 1) * MiB);
  await run('sfdisk', ['--quiet', path], { input: `label: ${label}\n\n${lines.join('\n')}\n` });
  for (const [index, { files, sizeMiB = 8, mke2fs = ['-t', 'ext4'] }] of specs.entries()) {
    if (files === undefined) continue;
    const tree = join(folder, `p${index + 1}`);
    plant(tree, { 'lost+found': { folder: true }, ...files });
    const where = ['-E', `offset=${starts[index]}`, '-d', tree, path, `${sizeMiB}M`];
    await run('mke2fs', ['-q', '-F', ...mke2fs, ...where]);
  }
  return { path, starts };
}

/** Inspects images in this process; gives the result and what was reported on the way. */
export function inspectFiles(
  paths: readonly string[],
  options: InspectOptions = everything,
  limits: Limits = defaultLimits,
): { result: Inspection; progress: Progress[] } {
  const progress: Progress[] = [];
  const images = paths.map(() => ({ format: null }));
  const result = inspect(
    { images, options, limits },
    paths.map((path) => new FileDevice(path)),
    (step) => progress.push(step),
  );
  return { result, progress };
}
