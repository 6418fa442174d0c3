import { describe, expect, test } from 'vitest';
import { archOf } from '../../../disk/guest/arch.ts';
import { assignments, linesOf } from '../../../disk/guest/text.ts';
import { compareKernels, compareVersions } from '../../../disk/guest/version.ts';
import { elf } from '../../support/elf.ts';
import { type Files, factsOf, machine, plant, warned } from '../../support/guest.ts';
import { run } from '../../support/run.ts';
import { scratch } from '../../support/scratch.ts';

async function systemOf(files: Files) {
  const folder = await scratch();
  plant(folder, { 'etc/passwd': '', 'usr/bin/nothing': '', ...files });
  return factsOf(machine(folder)).operating_system;
}

const debian =
  'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\nVERSION="12 (bookworm)"\n';

describe('os-release', () => {
  test('Debian says its point release in debian_version', async () => {
    const files = { 'etc/os-release': debian, 'etc/debian_version': '12.9\n' };
    expect(await systemOf(files)).toMatchObject({
      type: 'linux',
      distribution: 'debian',
      product_name: 'Debian GNU/Linux 12 (bookworm)',
      version: '12.9',
      codename: 'bookworm',
      root: 'sda1',
    });
    // Ubuntu carries Debian's file too, where it names the release that it was made from.
    const ubuntu = {
      'etc/os-release': 'ID=ubuntu\nVERSION_ID=22.04\n',
      'etc/debian_version': 'bookworm/sid\n',
    };
    expect(await systemOf(ubuntu)).toMatchObject({ distribution: 'ubuntu', version: '22.04' });
    const testing = {
      'etc/os-release': 'ID=debian\nVERSION_CODENAME=trixie\n',
      'etc/debian_version': 'trixie/sid',
    };
    expect(await systemOf(testing)).toMatchObject({ version: 'trixie/sid', codename: 'trixie' });
  });

  test('is read in /usr/lib, and through a link', async () => {
    expect(await systemOf({ 'usr/lib/os-release': debian })).toMatchObject({ version: '12' });
    const linked = { 'usr/lib/os-release': debian, 'etc/os-release': { link: '../usr/lib/os-release' } };
    expect(await systemOf(linked)).toMatchObject({ distribution: 'debian' });
  });

  test('lsb-release, then debian_version alone stand in', async () => {
    const lsb =
      'DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=8.04\nDISTRIB_CODENAME=hardy\nDISTRIB_DESCRIPTION="Ubuntu 8.04"\n';
    expect(await systemOf({ 'etc/lsb-release': lsb })).toMatchObject({
      distribution: 'ubuntu',
      version: '8.04',
      codename: 'hardy',
      product_name: 'Ubuntu 8.04',
    });
    expect(await systemOf({ 'etc/debian_version': '6.0.10\n' })).toMatchObject({
      distribution: 'debian',
      version: '6.0.10',
      product_name: null,
    });
    expect(await systemOf({})).toMatchObject({
      distribution: null,
      version: null,
      hostname: null,
      init: null,
    });
  });

  test('is quoted as a shell reads it', async () => {
    const text = [
      'A=plain # no comment inside a word',
      `B="two words \\"quoted\\" \\$HOME \\n"`,
      'C=\'single $(rm) "x"\'',
      'D=a\\ b"c d"',
      '# E=comment',
      'F=',
      '  G="unclosed',
      'H=caf\u00e9',
      'A=later',
    ].join('\n');
    const bytes = Buffer.from(text);
    const found = assignments(linesOf(bytes));
    const ours = [...found].map(([key, value]) => [key, Buffer.from(value, 'latin1').toString()]);
    const script = `${text.replace('  G="unclosed', 'G=unclosed')}\nprintf '%s\\n' "$A" "$B" "$C" "$D" "$F" "$G" "$H"`;
    const shell = (await run('sh', ['-c', script.replace('A=plain #', 'A=plain; #')])).toString().split('\n');
    expect(ours.map(([, value]) => value)).toEqual(shell.slice(0, 7));
    expect(ours.map(([key]) => key)).toEqual(['A', 'B', 'C', 'D', 'F', 'G', 'H']);
  });

  test('text that is not UTF-8 keeps its bytes beside', async () => {
    const bytes = Buffer.concat([
      Buffer.from('ID=x\nPRETTY_NAME="R'),
      Buffer.from([0xe9]),
      Buffer.from('"\n'),
    ]);
    expect(await systemOf({ 'etc/os-release': bytes })).toMatchObject({
      product_name: 'R\ufffd',
      product_name_base64: 'Uuk=',
      distribution: 'x',
    });
  });
});

test('hostname is the first word that is no comment', async () => {
  expect(await systemOf({ 'etc/hostname': '# set by cloud-init\n\n web-01 \n' })).toMatchObject({
    hostname: 'web-01',
  });
});

describe('architecture', () => {
  test.each([
    [62, 2, 1, 'x86_64'],
    [3, 1, 1, 'i686'],
    [183, 2, 1, 'aarch64'],
    [40, 1, 1, 'armv7l'],
    [21, 2, 1, 'ppc64le'],
    [21, 2, 2, 'ppc64'],
    [22, 2, 2, 's390x'],
    [243, 2, 1, 'riscv64'],
    [9999, 2, 1, null],
  ])('machine %i, class %i, order %i is %s', (machine, wide, order, expected) => {
    expect(archOf(elf(machine, wide, order))).toBe(expected);
  });

  test('is read through merged /usr and a shell that is a link', async () => {
    const files = { bin: { link: 'usr/bin' }, 'usr/bin/sh': { link: 'dash' }, 'usr/bin/dash': elf(183) };
    expect(await systemOf(files)).toMatchObject({ arch: 'aarch64' });
  });

  test('a shell that is a script, cut or missing leaves the next program to say', async () => {
    const files = { 'bin/sh': '#!/bin/x', 'sbin/init': Buffer.from('7f454c46', 'hex'), 'bin/bash': elf(243) };
    expect(await systemOf(files)).toMatchObject({ arch: 'riscv64' });
  });
});

test.each([
  [{ 'sbin/init': { link: '../lib/systemd/systemd' } }, 'systemd'],
  [{ 'sbin/init': { link: '../lib/systemd/systemd' }, 'lib/systemd/systemd': elf() }, 'systemd'],
  [{ 'sbin/init': elf(), 'etc/inittab': '' }, 'sysvinit'],
  [{ 'sbin/init': { link: '/bin/busybox' }, 'bin/busybox': elf() }, 'busybox'],
  [{ 'sbin/init': { link: '/bin/busybox' }, 'bin/busybox': elf(), 'sbin/openrc': elf() }, 'openrc'],
  [{ 'sbin/init': elf(), 'sbin/initctl': elf(), 'etc/init/rc.conf': '' }, 'upstart'],
  [{ 'sbin/init': { link: 'runit-init' } }, 'runit'],
  [{ 'sbin/init': elf() }, null],
] as [Files, string | null][])('init of %o is %s', async (files, expected) => {
  expect((await systemOf(files))?.init).toBe(expected);
});

test.each([
  [{ 'etc/localtime': { link: '/usr/share/zoneinfo/Europe/Berlin' } }, 'Europe/Berlin'],
  [{ 'etc/localtime': { link: '../usr/share/zoneinfo/UTC' }, 'etc/timezone': 'Asia/Tokyo\n' }, 'UTC'],
  [{ 'etc/localtime': 'TZif', 'etc/timezone': 'Asia/Tokyo\n' }, 'Asia/Tokyo'],
  [{}, null],
] as [Files, string | null][])('time zone of %o is %s', async (files, expected) => {
  expect((await systemOf(files))?.timezone).toBe(expected);
});

describe('kernels', () => {
  test('are listed newest first with what belongs to them', async () => {
    const folder = await scratch();
    plant(folder, {
      'etc/os-release': debian,
      'boot/vmlinuz-6.1.0-9-amd64': 'x',
      'boot/vmlinuz-6.1.0-18-amd64': 'x',
      'boot/initrd.img-6.1.0-18-amd64': 'x',
      'boot/vmlinuz-6.1.0-18-rt-amd64.old': 'x',
      'boot/config-6.1.0-9-amd64': 'x',
      'boot/vmlinuz': { link: 'vmlinuz-6.1.0-18-amd64' },
      'lib/modules/6.1.0-18-amd64/modules.dep': '',
      'lib/modules/6.9.0-1-amd64/modules.dep': '',
      'lib/modules/notes': 'x',
    });
    const facts = factsOf(machine(folder));
    expect(facts.kernels).toEqual([
      { version: '6.9.0-1-amd64', image: null, initramfs: null, modules: true },
      {
        version: '6.1.0-18-rt-amd64.old',
        image: '/boot/vmlinuz-6.1.0-18-rt-amd64.old',
        initramfs: null,
        modules: false,
      },
      {
        version: '6.1.0-18-amd64',
        image: '/boot/vmlinuz-6.1.0-18-amd64',
        initramfs: '/boot/initrd.img-6.1.0-18-amd64',
        modules: true,
      },
      { version: '6.1.0-9-amd64', image: '/boot/vmlinuz-6.1.0-9-amd64', initramfs: null, modules: false },
    ]);
    // Modules without an image cannot boot.
    expect(facts.operating_system?.kernel).toBe('6.1.0-18-rt-amd64.old');
  });

  test('with their image beside the modules, as Fedora keeps it', async () => {
    const folder = await scratch();
    plant(folder, {
      'etc/os-release': 'ID=fedora',
      lib: { link: 'usr/lib' },
      'usr/lib/modules/6.8.5-301.fc40.x86_64/vmlinuz': 'x',
    });
    expect(factsOf(machine(folder)).kernels[0]?.image).toBe('/usr/lib/modules/6.8.5-301.fc40.x86_64/vmlinuz');
  });

  test('compare as dpkg compares, but release candidates come before the release', async () => {
    const versions = [
      '6.1.0-9',
      '6.1.0-18',
      '6.1.0',
      '6.10',
      '6.9',
      '6.1.0~rc1',
      '6.1.0+b1',
      '6.1.0a',
      '06.9',
      '6.1.0-amd64',
      '',
    ];
    for (const left of versions.filter(Boolean)) {
      for (const right of versions.filter(Boolean)) {
        const lower = await run('dpkg', ['--compare-versions', `0:${left}-1`, 'lt', `0:${right}-1`]).then(
          () => true,
          () => false,
        );
        expect([left, right, compareVersions(left, right) < 0]).toEqual([left, right, lower]);
      }
    }
    expect(compareKernels('6.8.0-rc3', '6.8.0')).toBeLessThan(0);
    expect(compareKernels('6.8.0-rc3', '6.7.9')).toBeGreaterThan(0);
    expect(compareKernels('6.8.0-31-generic', '6.8.0')).toBeGreaterThan(0);
  });
});

test('a disk without a system says what was looked for', async () => {
  const folder = await scratch();
  plant(folder, { 'lost+found': { folder: true }, 'data/etc/os-release': debian });
  const facts = factsOf(machine(folder));
  expect(facts.operating_system).toBeNull();
  expect(facts.operating_systems).toEqual([]);
  expect(facts.packages).toEqual({ count: 0, manager: null, packages: [], details: [] });
  const [warning] = warned(facts, 'NO_OPERATING_SYSTEM');
  expect(warning?.message).toContain('looked on sda1');
  expect(warning?.message).toContain('/etc/os-release');
});
