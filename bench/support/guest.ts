import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const cache = join(import.meta.dirname, '../../.cache/bench');
const image = join(cache, 'debian.qcow2');

const DISK_BYTES = 2 * 1024 ** 3;
const PARTITION_START = 1024 ** 2;

/**
 * A Debian guest on ext4 in qcow2, made once by mmdebstrap (minbase), mke2fs and qemu-img, and kept in
 * .cache/bench. Null, with a word on what to install, where mmdebstrap is missing.
 */
export function debianGuest(): { image: string; partition: { raw: string; offset: number } } | null {
  const raw = join(cache, 'debian.raw');
  const partition = { raw, offset: PARTITION_START };
  if (existsSync(image) && existsSync(raw)) return { image, partition };
  try {
    execFileSync('mmdebstrap', ['--version'], { stdio: 'ignore' });
  } catch {
    console.log('inspection: needs a guest made by mmdebstrap; install it: apt-get install -y mmdebstrap');
    return null;
  }
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, 'work-'));
  try {
    const tree = join(work, 'tree');
    console.log('making a Debian guest with mmdebstrap, once …');
    execFileSync('mmdebstrap', ['--variant=minbase', '--quiet', 'bookworm', tree], { stdio: 'inherit' });
    writeFileSync(join(tree, 'etc/hostname'), 'bench\n');
    const disk = join(work, 'debian.raw');
    writeFileSync(disk, '');
    truncateSync(disk, DISK_BYTES);
    execFileSync('sfdisk', ['-q', disk], { input: 'label: gpt\nstart=2048, type=linux\n' });
    const offset = `offset=${PARTITION_START}`;
    const blocks = String(DISK_BYTES / 1024 - 2 * 1024);
    execFileSync('mke2fs', ['-q', '-t', 'ext4', '-d', tree, '-E', offset, disk, `${blocks}k`], {
      stdio: 'inherit',
    });
    const qcow2 = join(work, 'debian.qcow2');
    execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', disk, qcow2]);
    renameSync(disk, raw);
    renameSync(qcow2, image);
    return { image, partition };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
