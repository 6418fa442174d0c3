import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../../../support/run.ts';

/** Whether this machine lets us mount loop devices: without it, images are filled by mke2fs alone. */
export const canMount: boolean = probe();

function probe(): boolean {
  if (process.getuid?.() !== 0) {
    if (process.env.CI === 'true') throw new Error('CI skips no test, and mounting needs root');
    return false;
  }
  const folder = mkdtempSync(join(tmpdir(), 'disklane-probe-'));
  const at = join(folder, 'at');
  mkdirSync(at);
  execFileSync('/sbin/mke2fs', ['-q', '-t', 'ext4', join(folder, 'image'), '4M'], { stdio: 'ignore' });
  const mounted = spawnSync('mount', ['-o', 'loop', join(folder, 'image'), at]).status === 0;
  if (mounted) execFileSync('umount', [at]);
  rmSync(folder, { recursive: true });
  if (!mounted && process.env.CI === 'true')
    throw new Error('loop mounts do not work here, and CI skips no test');
  return mounted;
}

/** Mounts the image read-write at a folder beside it while `work` runs. */
export async function mounted<T>(
  image: string,
  options: string,
  work: (at: string) => Promise<T> | T,
): Promise<T> {
  const at = `${image}.mnt`;
  mkdirSync(at, { recursive: true });
  await run('mount', ['-o', ['loop', options].filter(Boolean).join(','), image, at]);
  try {
    return await work(at);
  } finally {
    await run('umount', [at]);
  }
}

/** A copy beside the image, made with its holes kept. */
export function copyOf(image: string, suffix: string): string {
  const copy = `${image}.${suffix}`;
  try {
    execFileSync('cp', ['--sparse=always', image, copy]);
  } catch {
    copyFileSync(image, copy);
  }
  return copy;
}
