import { expect, test } from 'vitest';
import { defaultLimits } from '../../../disk/limits.ts';
import {
  everything,
  type Files,
  factsOf,
  folderVolume,
  machine,
  plant,
  warned,
} from '../../support/guest.ts';
import { run } from '../../support/run.ts';
import { scratch } from '../../support/scratch.ts';

const release = { 'etc/os-release': 'ID=debian\n' };

async function guestOf(files: Files) {
  const folder = await scratch();
  plant(folder, { ...release, ...files });
  return folder;
}

const paragraph = (name: string, status: string, more = '') =>
  `Package: ${name}\nStatus: ${status}\nMaintainer: A <a@example.org>\nVersion: 1.0-1\nArchitecture: amd64\n${more}Description: short\n long text\n .\n Version: 9 is no field here\n\n`;

test('dpkg: what is installed, as dpkg-query lists it', async () => {
  const status = [
    paragraph('bash', 'install ok installed'),
    paragraph('held', 'hold ok installed'),
    paragraph('waits', 'install ok triggers-awaited', 'Triggers-Awaited: bash\n'),
    paragraph('pending', 'install ok triggers-pending', 'Triggers-Pending: /usr\n'),
    paragraph('removed', 'deinstall ok config-files', 'Config-Version: 1.0-1\n'),
    paragraph('half', 'install reinstreq half-installed'),
    paragraph('configured', 'install ok half-configured'),
    paragraph('unpacked', 'install ok unpacked'),
    'Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nMulti-Arch: same\nSource: glibc (2.36-9)\nVersion: 1:2.36-9+deb12u4\n\n',
    'Package: libc6\nStatus: install ok installed\nArchitecture: i386\nMulti-Arch: same\nSource: glibc\nVersion: 1:2.36-9+deb12u4\n',
  ].join('');
  const folder = await guestOf({ 'var/lib/dpkg/status': status });
  const { packages, warnings } = factsOf(machine(folder));
  const query = await run('dpkg-query', [
    `--admindir=${folder}/var/lib/dpkg`,
    '-W',
    '-f',
    ['db:Status-Status', 'Package', 'Version', 'Architecture', 'source:Package']
      .map((f) => `\${${f}}`)
      .join(' ')
      .concat('\n'),
  ]);
  const expected = query
    .toString()
    .split('\n')
    .flatMap((line) => /^(?:installed|triggers-\w+) (.*)$/.exec(line)?.[1] ?? []);
  const ours = packages?.details.map((one) => `${one.name} ${one.version} ${one.arch} ${one.source}`) ?? [];
  expect(ours.toSorted()).toEqual(expected.toSorted());
  expect(packages).toMatchObject({
    count: 6,
    manager: 'deb',
    packages: ['bash', 'held', 'waits', 'pending', 'libc6', 'libc6'],
  });
  expect(packages?.details[4]).toEqual({
    name: 'libc6',
    version: '1:2.36-9+deb12u4',
    arch: 'amd64',
    source: 'glibc',
  });
  expect(warnings.map(({ code }) => code)).toEqual(['SECTION_NOT_BUILT']);
});

test('how many there are is unknown, not 0, where /var is on a filesystem that is not read', async () => {
  const root = await guestOf({
    'etc/os-release': 'ID=debian\n',
    'etc/fstab': '/dev/sda2 /var xfs defaults 0 2\n',
    'var/.keep': '',
  });
  const xfs = { content: { status: 'recognised', type: 'xfs', reason: 'xfs is not read' } } as const;
  const { packages, warnings } = factsOf(machine(root, xfs));
  expect(packages).toEqual({ count: null, manager: null, packages: [], details: [] });
  expect(warnings.map(({ code }) => code)).toContain('MOUNT_NOT_FOLLOWED');
});

test('it is 0 where a filesystem that holds no database is not read', async () => {
  const root = await guestOf({
    'etc/os-release': 'ID=debian\n',
    'etc/fstab': '/dev/sda2 /home xfs defaults 0 2\n',
    'home/.keep': '',
  });
  const xfs = { content: { status: 'recognised', type: 'xfs', reason: 'xfs is not read' } } as const;
  expect(factsOf(machine(root, xfs)).packages).toMatchObject({ count: 0, manager: null });
});

test('it is unknown, too, where fstab cannot be read, or no system was found and a filesystem is not read', async () => {
  const folder = await guestOf({ 'etc/fstab': '/dev/sda2 /var ext4 defaults 0 2\n' });
  const unread = factsOf(machine(folderVolume(folder, {}, { broken: ['/etc/fstab'] })));
  expect(unread.packages).toMatchObject({ count: null, manager: null });
  const xfs = { content: { status: 'recognised', type: 'xfs', reason: 'xfs is not read' } } as const;
  expect(factsOf(machine(xfs)).packages?.count).toBeNull();
  const swap = { content: { status: 'recognised', type: 'swap', reason: 'swap is not read' } } as const;
  expect(factsOf(machine(swap)).packages?.count).toBe(0);
});

test('it is unknown, too, where the place of a database cannot be read', async () => {
  const folder = await guestOf({ 'var/lib/dpkg/status.d/.keep': '' });
  const broken = { broken: ['/var/lib/dpkg/status.d'] };
  const facts = factsOf(machine(folderVolume(folder, {}, broken)));
  expect(facts.packages).toMatchObject({ count: null, manager: null });
  expect(warned(facts, 'FILE_UNREADABLE')).toHaveLength(1);
});

test('distroless images keep one file for each package', async () => {
  const folder = await guestOf({
    'var/lib/dpkg/status.d/base': 'Package: base-files\nVersion: 12.4\nArchitecture: amd64\nDescription: x\n',
    'var/lib/dpkg/status.d/base.md5sums': 'd41d8cd98f00b204e9800998ecf8427e  etc/x\nPackage: none\n',
    'var/lib/dpkg/status.d/tzdata': 'Package: tzdata\nVersion: 2024a\nArchitecture: all\n',
  });
  expect(factsOf(machine(folder)).packages?.packages).toEqual(['base-files', 'tzdata']);
});

test('names are data: __proto__, bytes that are no UTF-8, huge lines, garbage', async () => {
  const status = Buffer.concat([
    Buffer.from(
      paragraph('__proto__', 'install ok installed') + paragraph('constructor', 'install ok installed'),
    ),
    Buffer.from('Package: b\xffd\nStatus: install ok installed\nVersion: \n\n', 'latin1'),
    Buffer.from(
      `Depends: ${'x, '.repeat(200_000)}\nPackage: after-a-long-line\nStatus: install ok installed\n\n`,
    ),
    Buffer.from(Array.from({ length: 65_536 }, (_, i) => (i * 7919) & 0xff)),
    Buffer.from(`\n\n${paragraph('last', 'install ok installed')}`),
  ]);
  const { packages } = factsOf(machine(await guestOf({ 'var/lib/dpkg/status': status })));
  expect(packages?.packages).toEqual(['__proto__', 'constructor', 'b\ufffdd', 'after-a-long-line', 'last']);
  expect(packages?.details[2]).toEqual({
    name: 'b\ufffdd',
    name_base64: Buffer.from('b\xffd', 'latin1').toString('base64'),
    version: null,
    arch: null,
    source: 'b\ufffdd',
  });
  expect(JSON.parse(JSON.stringify(packages))).toEqual(packages);
});

test.each([
  ['rpm', 'usr/lib/sysimage/rpm/rpmdb.sqlite'],
  ['rpm', 'var/lib/rpm/Packages'],
  ['apk', 'lib/apk/db/installed'],
  ['pacman', 'var/lib/pacman/local/ALPM_DB_VERSION'],
])('%s at %s is named and not read', async (manager, path) => {
  const facts = factsOf(machine(await guestOf({ [path]: 'x' })));
  expect(facts.packages).toEqual({ count: null, manager, packages: [], details: [] });
  expect(warned(facts, 'PACKAGE_DATABASE_NOT_READ')).toHaveLength(1);
});

test('a guest without any database has no packages', async () => {
  const facts = factsOf(machine(await guestOf({})));
  expect(facts.packages).toEqual({ count: 0, manager: null, packages: [], details: [] });
});

test('a damaged database leaves the count unknown and the rest of the inspection whole', async () => {
  const folder = await guestOf({
    'var/lib/dpkg/status': paragraph('bash', 'install ok installed'),
    'etc/hostname': 'web',
  });
  const facts = factsOf(machine(folderVolume(folder, {}, { broken: ['/var/lib/dpkg/status'] })));
  expect(facts.packages).toMatchObject({ count: null, manager: 'deb', packages: [] });
  expect(facts.operating_system?.hostname).toBe('web');
  expect(warned(facts, 'FILE_UNREADABLE')).toMatchObject([{ where: '/var/lib/dpkg/status' }]);
});

test('more packages than maxEntries: those are listed, the count is unknown, and the limit is named', async () => {
  const status = ['a', 'b', 'c'].map((name) => paragraph(name, 'install ok installed')).join('');
  const folder = await guestOf({ 'var/lib/dpkg/status': status });
  const facts = factsOf(machine(folder), everything, { ...defaultLimits, maxEntries: 2 });
  expect(facts.packages).toMatchObject({ count: null, packages: ['a', 'b'] });
  expect(facts.warnings.some(({ message }) => message.includes('maxEntries'))).toBe(true);
});

test('sections that were not asked for are absent', async () => {
  const options = {
    include_packages: false,
    include_services: false,
    include_users: false,
    include_network: false,
    include_storage: false,
  };
  const facts = factsOf(machine(await guestOf({})), options);
  expect(Object.keys(facts).toSorted()).toEqual([
    'kernels',
    'mounts',
    'operating_system',
    'operating_systems',
    'storage',
    'warnings',
  ]);
  expect(facts.storage).toEqual({ disks: [{ image: 0, table: 'mbr', sector_size: 512 }] });
});
