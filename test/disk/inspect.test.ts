import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { inspectionResult } from '../../core/result/inspection.ts';
import { DiskError } from '../../disk/error.ts';
import type { Inspection } from '../../disk/guest/facts.ts';
import { defaultLimits } from '../../disk/limits.ts';
import { makeSample } from '../../local/demo/make-sample.ts';
import { samplePackages } from '../../local/demo/sample-packages.ts';
import { inspectFiles, makeDisk } from '../support/disk-image.ts';
import { everything, type Files, warned } from '../support/guest.ts';
import { run } from '../support/run.ts';
import { scratch } from '../support/scratch.ts';

const debian: Files = { 'etc/os-release': 'ID=debian\nVERSION_ID=12\n', 'etc/hostname': 'one\n' };
const status = 'Package: sed\nStatus: install ok installed\nVersion: 4.9-1\nArchitecture: amd64\n';

async function overwrite(path: string, offset: number, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(bytes, 0, bytes.length, offset);
  await file.close();
}

/** The filesystem's block (of 1 KiB) where a file or directory begins. */
async function firstBlock(path: string, start: number, inside: string): Promise<number> {
  const blocks = await run('debugfs', ['-R', `blocks ${inside}`, `${path}?offset=${start}`]);
  const block = Number(blocks.toString().trim().split(/\s+/)[0]);
  expect(block).toBeGreaterThan(0);
  return block;
}

function errorOf(look: () => unknown): DiskError {
  try {
    look();
  } catch (error) {
    if (error instanceof DiskError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** As the worker completes it, so that the published schema is checked with the real thing. */
function published(result: Inspection) {
  const plain = JSON.parse(JSON.stringify(result));
  expect(plain).toEqual(result);
  return inspectionResult.parse({
    ...plain,
    image: { path: '/x', size_bytes: 1, ...plain.image },
    statistics: { ...plain.statistics, bytes_read: 1, reads: 1, peak_memory_bytes: 1 },
  });
}

describe('the sample guest', () => {
  const committed = join(import.meta.dirname, '../../disk/reader/sample.qcow2');

  test('gives every fact that it was made with', async () => {
    const { result, progress } = inspectFiles([committed]);
    published(result);
    expect(result.image).toEqual({ format: 'qcow2', virtual_size_bytes: 128 * 1024 ** 2 });
    expect(result.operating_system).toEqual({
      type: 'linux',
      distribution: 'debian',
      product_name: 'Debian GNU/Linux 12 (bookworm)',
      version: '12.9',
      codename: 'bookworm',
      hostname: 'web-01',
      arch: 'x86_64',
      kernel: '6.1.0-28-amd64',
      init: 'systemd',
      timezone: 'Europe/Berlin',
      root: 'sda1',
    });
    expect(result.packages?.details).toEqual(samplePackages);
    expect(result.packages?.count).toBe(samplePackages.length);
    expect(result.mounts.map(({ device, mount_point }) => [device, mount_point])).toEqual([
      ['sda1', '/'],
      ['sda2', '/var'],
      ['sda3', 'none'],
      [null, '/tmp'],
    ]);
    expect(result.storage.disks).toEqual([{ image: 0, table: 'gpt', sector_size: 512 }]);
    expect(
      result.storage.devices?.map(({ name, status, filesystem }) => [name, status, filesystem?.type]),
    ).toEqual([
      ['sda1', 'read', 'ext4'],
      ['sda2', 'read', 'ext4'],
      ['sda3', 'recognised', 'swap'],
    ]);
    const states = new Map(result.services?.services.map(({ name, enabled }) => [name, enabled]));
    expect(states.get('nginx.service')).toBe('enabled');
    expect(states.get('getty@tty1.service')).toBe('enabled');
    expect(states.get('systemd-timesyncd.service')).toBe('masked');
    expect(result.users?.users.find(({ name }) => name === 'anna')).toMatchObject({
      locked: false,
      groups: ['anna', 'adm', 'sudo'],
    });
    expect(JSON.stringify(result)).not.toContain('sampleonly');
    expect(result.network?.interfaces[1]).toMatchObject({ name: 'ens3', addresses: ['192.0.2.10/24'] });
    expect(result.warnings.map(({ code }) => code)).toEqual(['SECTION_NOT_BUILT']);

    const percents = progress.map(({ percent }) => percent);
    expect(percents).toEqual(percents.toSorted((a, b) => a - b));
    expect([...new Set(progress.map(({ phase }) => phase))]).toEqual(['opening', 'reading', 'inspecting']);
    expect(Object.values(result.statistics.duration_ms).every((ms) => ms > 0)).toBe(true);
  });

  test('has nothing to warn of where the section that is not built was declined', () => {
    const { result } = inspectFiles([committed], { ...everything, include_security: false });
    expect(result.warnings).toEqual([]);
  });

  test('is what its script makes, below 1 MB', async () => {
    const again = join(await scratch(), 'sample.qcow2');
    makeSample(again);
    const facts = (path: string) => ({ ...inspectFiles([path]).result, statistics: null });
    expect(facts(again)).toEqual(facts(committed));
    expect((await stat(committed)).size).toBeLessThan(1_000_000);
    await run('qemu-img', ['check', '-q', committed]);
  });
});

test('/usr, /var and /boot on other partitions of an MBR disk', async () => {
  const { path } = await makeDisk('dos', [
    {
      files: {
        'etc/os-release': { link: '../usr/lib/os-release' },
        'etc/fstab':
          '/dev/vda2 /usr ext4 ro 0 0\nLABEL=daten /var ext3 d 0 0\nPARTUUID=cafe0001-04 /boot ext2 d 0 0\n',
        bin: { link: 'usr/bin' },
        'usr/.keep': '',
        'var/.keep': '',
        'boot/.keep': '',
      },
    },
    { files: { 'lib/os-release': 'ID=debian\nVERSION_ID=12\n' } },
    { files: { 'lib/dpkg/status': status }, mke2fs: ['-t', 'ext3', '-L', 'daten'] },
    { files: { 'vmlinuz-6.1.0-18-amd64': 'x' }, mke2fs: ['-t', 'ext2'] },
  ]);
  await run('sfdisk', ['--quiet', '--disk-id', path, '0xcafe0001']);
  const { result } = inspectFiles([path]);
  published(result);
  expect(result.operating_system).toMatchObject({
    distribution: 'debian',
    root: 'sda1',
    kernel: '6.1.0-18-amd64',
  });
  expect(result.packages?.packages).toEqual(['sed']);
  expect(result.mounts.map(({ device }) => device)).toEqual(['sda2', 'sda3', 'sda4']);
  expect(result.warnings.map(({ code }) => code)).toEqual(['SECTION_NOT_BUILT']);
});

test('the second disk of a machine is part of it', async () => {
  const uuid = '11111111-2222-4333-8444-555555555555';
  const first = await makeDisk('gpt', [
    { files: { ...debian, 'etc/fstab': `UUID=${uuid} /var ext4 d 0 0\n`, 'var/.keep': '' } },
  ]);
  const second = await makeDisk('gpt', [
    { files: { 'lib/dpkg/status': status }, mke2fs: ['-t', 'ext4', '-U', uuid] },
  ]);
  const { result } = inspectFiles([first.path, second.path]);
  expect(result.storage.disks.map(({ image }) => image)).toEqual([0, 1]);
  expect(result.mounts[0]?.device).toBe('sdb1');
  expect(result.packages?.packages).toEqual(['sed']);
  const alone = inspectFiles([first.path]).result;
  expect(alone.packages).toEqual({ count: null, manager: null, packages: [], details: [] });
  expect(warned(alone, 'MOUNT_NOT_FOLLOWED').map(({ where }) => where)).toEqual(['/var']);
});

test('two systems', async () => {
  const { path } = await makeDisk('gpt', [
    { files: debian },
    { files: { 'etc/os-release': 'ID=ubuntu\nVERSION_ID=24.04\n', 'etc/hostname': 'two' } },
  ]);
  const { result } = inspectFiles([path]);
  expect(result.operating_systems.map(({ distribution, root }) => [distribution, root])).toEqual([
    ['debian', 'sda1'],
    ['ubuntu', 'sda2'],
  ]);
});

describe('no operating system', () => {
  test.each(['a filesystem of data', 'an empty partition', 'an empty disk'])('on %s', async (kind) => {
    const specs = {
      'a filesystem of data': [{ files: { 'photos/1.jpg': 'x' } }],
      'an empty partition': [{}],
    };
    const path =
      kind === 'an empty disk'
        ? join(await scratch(), 'empty.raw')
        : (await makeDisk('gpt', specs[kind as keyof typeof specs])).path;
    if (kind === 'an empty disk') await run('qemu-img', ['create', '-q', path, '16M']);
    const { result } = inspectFiles([path]);
    published(result);
    expect(result.operating_system).toBeNull();
    expect(result.mounts).toEqual([]);
    expect(result.services).toEqual({ count: 0, services: [] });
    expect(warned(result, 'NO_OPERATING_SYSTEM')).toHaveLength(1);
    expect(result.storage.devices).toHaveLength(1);
  });
});

describe('damage', () => {
  test('of a second partition completes, with its place', async () => {
    const { path, starts } = await makeDisk('gpt', [{ files: debian }, { files: { 'data/x': 'y' } }]);
    const start = starts[1] ?? 0;
    // s_log_block_size and what follows it
    await overwrite(path, start + 1024 + 24, Buffer.alloc(8, 0xff));
    const { result } = inspectFiles([path]);
    published(result);
    expect(result.operating_system?.hostname).toBe('one');
    const damagedDevice = result.storage.devices?.[1];
    expect(damagedDevice).toMatchObject({ name: 'sda2', status: 'damaged' });
    expect(damagedDevice?.reason).toMatch(/at image byte \d+/);
    expect(warned(result, 'VOLUME_DAMAGED')).toMatchObject([
      { where: 'disk0/p2', message: damagedDevice?.reason },
    ]);
  });

  test('of a root directory makes its volume damaged, and the other is still read', async () => {
    const { path, starts } = await makeDisk('gpt', [{ files: { 'data/x': 'y' } }, { files: debian }]);
    const block = await firstBlock(path, starts[0] ?? 0, '/');
    await overwrite(path, (starts[0] ?? 0) + block * 1024, Buffer.alloc(1024, 0xa5));
    const { result } = inspectFiles([path]);
    published(result);
    expect(result.operating_system).toMatchObject({ hostname: 'one', root: 'sda2' });
    expect(result.storage.devices?.map(({ status }) => status)).toEqual(['damaged', 'read']);
    expect(warned(result, 'VOLUME_DAMAGED').map(({ where }) => where)).toEqual(['disk0/p1']);
  });

  test('that leaves no filesystem readable fails', async () => {
    const { path, starts } = await makeDisk('gpt', [{ files: debian }]);
    await overwrite(path, (starts[0] ?? 0) + 1024 + 24, Buffer.alloc(8, 0xff));
    const error = errorOf(() => inspectFiles([path]));
    expect(error).toMatchObject({ kind: 'damage', layer: 'ext4' });
    expect(error.image?.offset).toBeGreaterThanOrEqual(starts[0] ?? 0);
    expect(error.message).toContain('sda1');
  });

  test('of the root directory is damage of its filesystem', async () => {
    const { path, starts } = await makeDisk('gpt', [{ files: debian }]);
    const block = await firstBlock(path, starts[0] ?? 0, '/');
    await overwrite(path, (starts[0] ?? 0) + block * 1024, Buffer.alloc(1024, 0xa5));
    const error = errorOf(() => inspectFiles([path]));
    expect(error.kind).toBe('damage');
    expect(error.image?.offset).toBeGreaterThanOrEqual((starts[0] ?? 0) + block * 1024);
  });

  test('of one file is a warning that names it', async () => {
    const { path, starts } = await makeDisk('gpt', [
      { files: { ...debian, 'var/lib/dpkg/status': status, 'etc/passwd': 'root:x:0:0:::\n' } },
    ]);
    const device = `${path}?offset=${starts[0]}`;
    await run('debugfs', ['-w', '-R', 'set_inode_field /var/lib/dpkg/status block[0] 0x12345678', device]);
    const { result } = inspectFiles([path]);
    published(result);
    expect(result.packages).toMatchObject({ count: null, manager: 'deb', packages: [] });
    expect(result.users?.users).toHaveLength(1);
    const [warning] = warned(result, 'FILE_UNREADABLE');
    expect(warning).toMatchObject({ where: '/var/lib/dpkg/status' });
    expect(warning?.message).toMatch(/^ext4: damaged at image byte \d+/);
  });

  test('of the image format fails, though only one file lies there', async () => {
    const files = { ...debian, 'var/lib/dpkg/status': `${status}\n`.repeat(5000) };
    const { path, starts } = await makeDisk('gpt', [{ files }]);
    const blocks = await run('debugfs', ['-R', 'blocks /var/lib/dpkg/status', `${path}?offset=${starts[0]}`]);
    const middle = Number(blocks.toString().trim().split(/\s+/)[200]);
    const image = `${path}.qcow2`;
    await run('qemu-img', ['convert', '-O', 'qcow2', path, image]);
    const bytes = await readFile(image);
    const l2 = Number(bytes.readBigUInt64BE(Number(bytes.readBigUInt64BE(40))) & 0x00ff_ffff_ffff_fe00n);
    const entry = l2 + 8 * Math.floor(((starts[0] ?? 0) + middle * 1024) / 65_536);
    expect(inspectFiles([image]).result.packages?.count).toBe(5000);
    await overwrite(image, entry, Buffer.from('8000ffffffff0000', 'hex'));
    const error = errorOf(() => inspectFiles([image]));
    expect(error).toMatchObject({ kind: 'damage', layer: 'qcow2', image: { source: 0, offset: entry } });
  });
});

test('maxBytesRead ends the inspection by name', async () => {
  const { path } = await makeDisk('gpt', [
    { files: { ...debian, 'var/lib/dpkg/status': `${status}\n`.repeat(20_000) } },
  ]);
  const error = errorOf(() => inspectFiles([path], everything, { ...defaultLimits, maxBytesRead: 600_000 }));
  expect(error).toMatchObject({ kind: 'limit', expected: 'maxBytesRead' });
});

test('links out of the guest, loops and odd names on a real filesystem', async () => {
  const { path } = await makeDisk('gpt', [
    {
      files: {
        ...debian,
        'etc/hostname': { link: '/../../../../etc/real-name' },
        'etc/real-name': 'inside\n',
        'etc/localtime': { link: 'localtime' },
        'etc/timezone': { link: '/etc/timezone2' },
        'etc/timezone2': { link: 'timezone' },
        'etc/resolv.conf': { link: '/proc/self/environ' },
        'var/lib/dpkg/status': { link: '../../../../../../etc/packages' },
        'etc/packages': status.replace('sed', '__proto__'),
        'etc/systemd/system/__proto__.service': '[Install]\nWantedBy=x.target\n',
      },
    },
  ]);
  const { result } = inspectFiles([path]);
  published(result);
  expect(result.operating_system).toMatchObject({ hostname: 'inside', timezone: null });
  expect(result.packages?.packages).toEqual(['__proto__']);
  expect(result.services?.services.map(({ name, enabled }) => [name, enabled])).toEqual([
    ['__proto__.service', 'disabled'],
  ]);
  expect(warned(result, 'SYMLINK_LOOP').map(({ where }) => where)).toEqual(['/etc/timezone']);
});
