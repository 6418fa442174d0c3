import { execFileSync, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The programs that fixtures are made with and compared against, and the Debian package of each. */
const tools = {
  mke2fs: 'e2fsprogs',
  debugfs: 'e2fsprogs',
  'qemu-img': 'qemu-utils',
  sfdisk: 'fdisk',
  'mkfs.xfs': 'xfsprogs',
  'mkfs.btrfs': 'btrfs-progs',
  'mkfs.vfat': 'dosfstools',
  mkntfs: 'ntfs-3g',
  'mkfs.exfat': 'exfatprogs',
  'mkfs.f2fs': 'f2fs-tools',
  'mkfs.jfs': 'jfsutils',
  mkreiserfs: 'reiserfsprogs',
  mksquashfs: 'squashfs-tools',
  'mkfs.erofs': 'erofs-utils',
  genisoimage: 'genisoimage',
  cryptsetup: 'cryptsetup-bin',
  systemctl: 'systemd',
  losetup: 'mount',
  setfattr: 'attr',
  setfacl: 'acl',
  jq: 'jq',
  curl: 'curl',
  script: 'bsdutils',
} as const;

/** What else the tests need: where the Debian package puts it. */
const files = {
  // Another Python may come first in PATH, without the packages.
  '/usr/bin/python3': 'python3',
  '/usr/lib/python3/dist-packages/requests': 'python3-requests',
} as const;

const searched = `${process.env.PATH ?? ''}${delimiter}/usr/sbin${delimiter}/sbin`;

function has(tool: string): boolean {
  return searched.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function missingPackages(): string[] {
  const forTools = Object.entries(tools).flatMap(([tool, owner]) => (has(tool) ? [] : [owner]));
  const forFiles = Object.entries(files).flatMap(([file, owner]) => (existsSync(file) ? [] : [owner]));
  return [...new Set([...forTools, ...forFiles])];
}

/** Vitest's global set-up: installs what the fixtures need when it may, and otherwise says what to install. */
export default function setup(): void {
  process.env.PATH = searched;
  const missing = missingPackages();
  if (missing.length === 0) return;
  const root = process.getuid?.() === 0;
  const sudo = !root && spawnSync('sudo', ['-n', 'true']).status === 0;
  const advice = `install them with: apt-get update && apt-get install -y ${missing.join(' ')}`;
  if (!has('apt-get') || (!root && !sudo)) {
    throw new Error(`the tests need programs that are not here (${missing.join(', ')}); ${advice}`);
  }
  const aptGet = (...args: string[]) => {
    const command = ['apt-get', '-q', ...args];
    if (sudo) command.unshift('sudo', '-n');
    const [file = '', ...rest] = command;
    execFileSync(file, rest, {
      stdio: 'inherit',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  };
  console.log(`installing for the tests: ${missing.join(' ')}`);
  aptGet('update');
  aptGet('install', '-y', '--no-install-recommends', ...missing);
  if (missingPackages().length > 0)
    throw new Error(`still missing: ${missingPackages().join(', ')}; ${advice}`);
}
