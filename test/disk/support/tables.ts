import { open, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { run } from '../../support/run.ts';
import { scratch } from '../../support/scratch.ts';

export const MiB = 1024 ** 2;

/** An empty disk of this size. */
export async function disk(size: number): Promise<string> {
  const path = join(await scratch(), 'disk');
  await writeFile(path, '');
  await truncate(path, size);
  return path;
}

/** A partition as `sfdisk --json` lists it; start and size in sectors. */
export type Listed = {
  node: string;
  start: number;
  size: number;
  type: string;
  uuid?: string;
  name?: string;
  attrs?: string;
  bootable?: boolean;
};

/**
 * Partitions the disk by an sfdisk script and gives what sfdisk then lists: the oracle. With 4096-byte
 * sectors through a loop device, since this sfdisk has no option for that.
 */
export async function partition(path: string, script: string, sectorSize = 512): Promise<Listed[]> {
  const target = sectorSize === 512 ? path : await loop(path, sectorSize);
  await run('sfdisk', ['-q', '--no-reread', '--no-tell-kernel', target], { input: script });
  const listed = JSON.parse((await run('sfdisk', ['--json', target])).toString());
  return listed.partitiontable.partitions;
}

async function loop(path: string, sectorSize: number): Promise<string> {
  const device = (await run('losetup', ['-b', String(sectorSize), '-f', '--show', path])).toString().trim();
  onTestFinished(async () => void (await run('losetup', ['-d', device])));
  return device;
}

/** Overwrites bytes of the file. */
export async function patch(path: string, at: number, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(bytes, 0, bytes.length, at);
  await file.close();
}
