import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { rootFiles, type SampleFile, sampleUuids, varFiles } from './sample-guest.ts';

const MiB = 1024 ** 2;
const diskBytes = 128 * MiB;

/** Every time in the image that can be chosen: 2025-01-11, when Debian 12.9 came out. */
const epoch = 1_736_553_600;

/** In the order they lie on the disk. */
const partitions = [
  { name: 'root', startMiB: 1, sizeMiB: 64, type: '0FC63DAF-8483-4772-8E79-3D69D8477DE4' },
  { name: 'var', startMiB: 65, sizeMiB: 32, type: '0FC63DAF-8483-4772-8E79-3D69D8477DE4' },
  { name: 'swap', startMiB: 97, sizeMiB: 16, type: '0657FD6D-A4AB-43C4-84E5-0933C84B4F4F' },
] as const;

/**
 * Makes the sample guest disk: GPT with a root filesystem, /var apart and swap, in a compressed qcow2 image.
 * Needs sfdisk, mke2fs, mkswap and qemu-img, no root. Run again it differs only in times and checksums that
 * mke2fs takes from the clock.
 */
export function makeSample(image: string): void {
  const scratch = mkdtempSync(join(tmpdir(), 'disklane-sample-'));
  const raw = join(scratch, 'disk.raw');
  const run = (tool: string, args: readonly string[], input = '') =>
    execFileSync(tool, args, {
      input,
      stdio: ['pipe', 'ignore', 'inherit'],
      env: {
        PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
        SOURCE_DATE_EPOCH: `${epoch}`,
        E2FSPROGS_FAKE_TIME: `${epoch}`,
      },
    });
  try {
    writeFileSync(raw, '');
    truncateSync(raw, diskBytes);
    run('sfdisk', ['--quiet', raw], table());
    for (const { name, startMiB, sizeMiB } of partitions) {
      if (name === 'swap') {
        // mkswap writes at the start of a file only; its header is one page.
        const swap = join(scratch, name);
        writeFileSync(swap, '');
        truncateSync(swap, sizeMiB * MiB);
        run('mkswap', ['--quiet', '--label', name, '--uuid', sampleUuids[name], swap]);
        const disk = openSync(raw, 'r+');
        writeSync(disk, readFileSync(swap).subarray(0, 4096), 0, 4096, startMiB * MiB);
        closeSync(disk);
        continue;
      }
      const folder = join(scratch, name);
      plant(folder, name === 'root' ? rootFiles() : varFiles());
      const options = `offset=${startMiB * MiB},root_owner=0:0,hash_seed=${sampleUuids[name]}`;
      const shape = ['-t', 'ext4', '-b', '4096', '-N', '512', '-m', '1', '-L', name, '-U', sampleUuids[name]];
      run('mke2fs', ['-q', ...shape, '-E', options, '-d', folder, raw, `${sizeMiB}M`]);
    }
    run('qemu-img', ['convert', '-q', '-c', '-f', 'raw', '-O', 'qcow2', raw, image]);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function table(): string {
  const header = ['label: gpt', 'label-id: 3D6C1F2A-8B47-4E9A-A5D0-7C1E92B46F00', 'unit: sectors'];
  const lines = partitions.map(({ name, startMiB, sizeMiB, type }, index) => {
    const uuid = `3D6C1F2A-8B47-4E9A-A5D0-7C1E92B46F0${index + 1}`;
    return `start=${startMiB * 2048}, size=${sizeMiB * 2048}, type=${type}, uuid=${uuid}, name=${name}`;
  });
  return [...header, '', ...lines, ''].join('\n');
}

function plant(folder: string, files: ReadonlyMap<string, SampleFile>): void {
  for (const [path, content] of files) {
    const full = join(folder, path);
    mkdirSync(dirname(full), { recursive: true });
    if (typeof content === 'string' || Buffer.isBuffer(content)) {
      writeFileSync(full, content, { mode: path === '/etc/shadow' ? 0o640 : 0o644 });
      utimesSync(full, epoch, epoch);
    } else {
      symlinkSync(content.link, full);
    }
  }
}

if (import.meta.main) makeSample(join(import.meta.dirname, '../../disk/reader/sample.qcow2'));
