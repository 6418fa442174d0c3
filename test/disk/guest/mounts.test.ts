import { describe, expect, test } from 'vitest';
import { parseFstab, volumeOf } from '../../../disk/guest/fstab.ts';
import { part } from '../../../disk/guest/text.ts';
import { name } from '../../../disk/name.ts';
import { factsOf, folderVolume, machine, plant, warned } from '../../support/guest.ts';
import { scratch } from '../../support/scratch.ts';

const debian = 'ID=debian\nVERSION_ID=12\n';
const status = 'Package: sed\nStatus: install ok installed\nVersion: 4.9-1\nArchitecture: amd64\n';

describe('fstab', () => {
  test('is read with its escapes, comments and short lines', () => {
    const lines = [
      '# /etc/fstab',
      '  # indented comment',
      'UUID=ABCD / ext4 errors=remount-ro,noatime 0 1',
      '/dev/sdb1\t/srv/my\\040disk\\011x  ext4',
      'broken line',
      'LABEL=a\\134b none swap sw',
      'tmpfs /tmp tmpfs size=1g 0 0 trailing words',
    ];
    expect(parseFstab(lines.map(part))).toEqual([
      {
        spec: 'UUID=ABCD',
        mountPoint: '/',
        type: 'ext4',
        options: ['errors=remount-ro', 'noatime'],
        dump: 0,
        pass: 1,
      },
      {
        spec: '/dev/sdb1',
        mountPoint: '/srv/my disk\tx',
        type: 'ext4',
        options: ['defaults'],
        dump: 0,
        pass: 0,
      },
      { spec: 'LABEL=a\\b', mountPoint: 'none', type: 'swap', options: ['sw'], dump: 0, pass: 0 },
      { spec: 'tmpfs', mountPoint: '/tmp', type: 'tmpfs', options: ['size=1g'], dump: 0, pass: 0 },
    ]);
  });
});

test.each([
  ['/dev/sda2', 'sda2'],
  ['/dev/vda2', 'sda2'],
  ['/dev/xvda2', 'sda2'],
  ['/dev/hda2', 'sda2'],
  ['/dev/nvme0n1p2', 'sda2'],
  ['/dev/mmcblk0p2', 'sda2'],
  ['/dev/sdb2', null],
  ['/dev/sda9', null],
  ['/dev/sda', null],
  ['UUID=11111111-AAAA-4aaa-8aaa-000000000002', 'sda2'],
  ['UUID="11111111-aaaa-4aaa-8aaa-000000000002"', 'sda2'],
  ["LABEL='my disk'", 'sda2'],
  ['LABEL=MY DISK', null],
  ['PARTUUID=ABCD1234-02', 'sda2'],
  ['PARTLABEL=daten/ä', 'sda2'],
  ['/dev/disk/by-uuid/11111111-aaaa-4aaa-8aaa-000000000002', 'sda2'],
  ['/dev/disk/by-label/my\\x20disk', 'sda2'],
  ['/dev/disk/by-partuuid/abcd1234-02', 'sda2'],
  ['/dev/disk/by-partlabel/daten\\x2f\\xc3\\xa4', 'sda2'],
  ['/dev/disk/by-id/virtio-root-part2', 'sda2'],
  ['/dev/disk/by-path/pci-0000:00:05.0-part2', 'sda2'],
  ['/dev/mapper/vg-root', null],
  ['/dev/vg/root', null],
  ['tmpfs', null],
  ['NONSENSE=1', null],
])('%s names %s', (spec, expected) => {
  const second = {
    content: { uuid: '11111111-aaaa-4aaa-8aaa-000000000002', label: 'my disk' },
    partitionLabel: 'daten/ä',
  };
  const storage = machine({ content: { uuid: 'other' } }, second);
  expect(volumeOf(name(spec), storage)?.name ?? null).toBe(expected);
});

test('/usr, /var, /boot and /home are followed to other volumes, whatever the order of the lines', async () => {
  const [root, usr, various, boot, dpkg] = await Promise.all([1, 2, 3, 4, 5].map(scratch));
  plant(root ?? '', {
    'etc/os-release': { link: '../usr/lib/os-release' },
    'etc/fstab': [
      '/dev/sda5 /var/lib/dpkg ext4 defaults 0 2',
      '/dev/disk/by-uuid/UU-VAR /var ext4 defaults 0 2',
      'LABEL=boot /boot ext2 defaults 0 2',
      'UUID=uu-usr /usr ext4 ro 0 2',
      'UUID=uu-root / ext4 defaults 0 1',
      '/dev/sda6 none swap sw 0 0',
      '/srv/www /var/www none bind 0 0',
    ].join('\n'),
    bin: { link: 'usr/bin' },
    usr: { folder: true },
    boot: { folder: true },
    var: { folder: true },
    'srv/www/index.html': 'x',
  });
  plant(usr ?? '', { 'lib/os-release': debian, 'bin/x': '' });
  plant(various ?? '', { 'lib/dpkg': { folder: true }, www: { folder: true } });
  plant(dpkg ?? '', { status });
  plant(boot ?? '', { 'vmlinuz-6.1.0-18-amd64': '' });
  const facts = factsOf(
    machine(
      folderVolume(root ?? '', { uuid: 'uu-root' }),
      folderVolume(usr ?? '', { uuid: 'UU-USR' }),
      folderVolume(various ?? '', { uuid: 'uu-var' }),
      folderVolume(boot ?? '', { label: 'boot' }),
      folderVolume(dpkg ?? ''),
      { content: { status: 'recognised', type: 'swap' } },
    ),
  );
  expect(facts.operating_systems).toHaveLength(1);
  expect(facts.operating_system).toMatchObject({ distribution: 'debian', version: '12', root: 'sda1' });
  expect(facts.packages?.packages).toEqual(['sed']);
  expect(facts.kernels[0]?.version).toBe('6.1.0-18-amd64');
  expect(facts.mounts.map(({ spec, device, mount_point }) => [spec, device, mount_point])).toEqual([
    ['/dev/sda5', 'sda5', '/var/lib/dpkg'],
    ['/dev/disk/by-uuid/UU-VAR', 'sda3', '/var'],
    ['LABEL=boot', 'sda4', '/boot'],
    ['UUID=uu-usr', 'sda2', '/usr'],
    ['UUID=uu-root', 'sda1', '/'],
    ['/dev/sda6', 'sda6', 'none'],
    ['/srv/www', null, '/var/www'],
  ]);
  expect(facts.warnings.map(({ code }) => code)).toEqual(['SECTION_NOT_BUILT']);
});

test('a volume that facts need and that cannot be mounted is a warning; one that no fact needs is none', async () => {
  const root = await scratch();
  plant(root, {
    'etc/os-release': debian,
    'etc/fstab': [
      'UUID=gone /var ext4 defaults 0 2',
      '/dev/sda2 /usr/ ext4 defaults 0 2',
      '/dev/mapper/vg-boot /boot ext4 defaults 0 2',
      '/dev/sda1 /lib ext4 defaults 0 2',
      'UUID=gone-too /srv/films ext4 defaults 0 2',
      'tmpfs /var/lib tmpfs defaults 0 0',
      'nas:/home /usr/share nfs defaults 0 0',
    ].join('\n'),
  });
  const damaged = {
    content: { status: 'damaged', reason: 'bad superblock', place: { source: 0, offset: 1024 } },
  } as const;
  const facts = factsOf(machine(root, damaged));
  expect(
    warned(facts, 'MOUNT_NOT_FOLLOWED').map(({ where, message }) => [where, message.split(': ')[1]]),
  ).toEqual([
    ['/var', 'it names no volume of this machine that is known'],
    ['/usr', 'sda2 (ext4) is damaged'],
    ['/boot', 'it names no volume of this machine that is known'],
    ['/lib', 'the directory is not there'],
  ]);
  expect(warned(facts, 'VOLUME_DAMAGED')).toEqual([
    { code: 'VOLUME_DAMAGED', message: 'bad superblock', where: 'disk0/p2' },
  ]);
});

test('two systems on one disk are both listed; the facts are the first one’s', async () => {
  const [first, second] = await Promise.all([scratch(), scratch()]);
  plant(first, { 'etc/os-release': 'ID=debian\nVERSION_ID=11\n', 'etc/hostname': 'one' });
  plant(second, {
    'etc/os-release': 'ID=ubuntu\nVERSION_ID=24.04\n',
    'etc/hostname': 'two',
    'var/lib/dpkg/status': status,
  });
  const facts = factsOf(machine({ content: { status: 'skipped', type: null } }, first, second));
  expect(facts.operating_systems.map(({ hostname, root }) => [hostname, root])).toEqual([
    ['one', 'sda2'],
    ['two', 'sda3'],
  ]);
  expect(facts.operating_system).toEqual(facts.operating_systems[0]);
  expect(facts.packages?.count).toBe(0);
});

test('an fstab that mounts its own root in circles ends', async () => {
  const root = await scratch();
  plant(root, {
    'etc/os-release': debian,
    'etc/fstab':
      '/dev/sda1 /etc ext4 d 0 0\n/dev/sda1 /etc/etc ext4 d 0 0\n/ /etc none bind 0 0\n/dev/sda1 / ext4 d 0 0\n',
  });
  const facts = factsOf(machine(root));
  expect(facts.mounts).toHaveLength(4);
  expect(facts.operating_systems).toHaveLength(1);
});
