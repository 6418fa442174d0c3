import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished } from 'vitest';
import { bundleReader } from '../../../worker/reader/bundle.ts';
import { ReaderError } from '../../../worker/reader/error.ts';
import { Readers, type ReadersOptions } from '../../../worker/reader/readers.ts';
import { type ReadJob, readImages } from '../../../worker/reader/run.ts';
import { request } from '../../support/inspect-request.ts';
import { scratch } from '../../support/scratch.ts';

const disk = fileURLToPath(new URL('../../../disk', import.meta.url));

/**
 * The script of a child that serves as ours does, with `body` as its inspection: the body of a function
 * (request, sources, report), with DiskError, damage, unsupported and limit in reach.
 */
export async function readerOf(body: string): Promise<string> {
  const entry = join(await scratch(), 'child.ts');
  await writeFile(
    entry,
    `import { createHash } from 'node:crypto';
     import * as fs from 'node:fs';
     import { DiskError, damage, limit, unsupported } from '${disk}/error.ts';
     import { serve } from '${disk}/reader/serve.ts';
     serve((request, sources, report) => { ${body} });`,
  );
  return bundleReader(entry);
}

/** Readers that end with the test. */
export async function readersOf(options: ReadersOptions): Promise<Readers> {
  const readers = await Readers.open(options);
  onTestFinished(() => readers.close());
  return readers;
}

/** A job that reads one image, with ten seconds to do it. */
export function jobOf(path: string, more: Partial<ReadJob> = {}): ReadJob {
  return { images: [{ path }], request, timeMs: 10_000, ...more };
}

/** The ReaderError that reading fails with. */
export async function failure(readers: Readers, job: ReadJob): Promise<ReaderError> {
  const error = await readImages(readers, job).then(
    () => new Error('it was read'),
    (error) => error,
  );
  if (error instanceof ReaderError) return error;
  throw error;
}

/** A folder as image root, and one image of `bytes` in it. */
export async function imageOf(bytes: Uint8Array): Promise<{ root: string; path: string }> {
  const root = await scratch();
  const path = join(root, 'disk.img');
  await writeFile(path, bytes);
  return { root, path };
}

/** State and parent of a process; null where it has ended, be it that nobody has asked for its exit code yet. */
function processOf(pid: number): { parent: number; command: string } | null {
  try {
    // The name in brackets may hold spaces; state and parent follow it.
    const [state, parent] = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
    const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
    return state === 'Z' || state === 'X' ? null : { parent: Number(parent), command };
  } catch {
    return null;
  }
}

export function alive(pid: number): boolean {
  return processOf(pid) !== null;
}

/** Reader children of a process, by pid. */
export function children(of: number = process.pid): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      const found = processOf(pid);
      return found?.parent === of && found.command.includes('--permission');
    });
}

/** Our descriptors that lead to a pipe or below `folder`: what a run must not leave open. */
export function openDescriptors(folder: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const link = readlinkSync(`/proc/self/fd/${fd}`);
      return link.startsWith(folder) || link.includes('disklane-pipes') ? [link] : [];
    } catch {
      return [];
    }
  });
}

/** Waits until the condition holds, for 5 seconds. */
export async function until(condition: () => boolean): Promise<void> {
  await expect.poll(condition, { timeout: 5000, interval: 10 }).toBe(true);
}
