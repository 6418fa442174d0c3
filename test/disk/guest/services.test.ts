import { expect, test } from 'vitest';
import { type Files, factsOf, machine, plant } from '../../support/guest.ts';
import { run } from '../../support/run.ts';
import { scratch } from '../../support/scratch.ts';

const lib = 'usr/lib/systemd/system';
const etc = 'etc/systemd/system';
const unit = (install = '') => `[Unit]\nDescription=x\n[Service]\nExecStart=/bin/true\n${install}`;
const wanted = unit('[Install]\nWantedBy=multi-user.target\n');

async function servicesOf(files: Files) {
  const folder = await scratch();
  plant(folder, { 'etc/os-release': 'ID=debian\n', ...files });
  return { folder, facts: factsOf(machine(folder)) };
}

test('systemd units: the state that systemctl is-enabled gives', async () => {
  const { folder, facts } = await servicesOf({
    lib: { link: 'usr/lib' },
    [`${lib}/enabled.service`]: wanted,
    [`${etc}/multi-user.target.wants/enabled.service`]: { link: '/lib/systemd/system/enabled.service' },
    [`${lib}/required.service`]: unit('[Install]\nRequiredBy=graphical.target\n'),
    [`${etc}/graphical.target.requires/required.service`]: { link: `/${lib}/required.service` },
    [`${lib}/disabled.service`]: wanted,
    [`${lib}/static.service`]: unit(),
    [`${lib}/multi-user.target.wants/static.service`]: { link: '../static.service' },
    [`${lib}/commented.service`]: unit('#[Install]\n#WantedBy=multi-user.target\n'),
    [`${lib}/masked.service`]: wanted,
    [`${etc}/masked.service`]: { link: '/dev/null' },
    [`${lib}/masked-relative.service`]: { link: '../../../../dev/null' },
    [`${lib}/masked-empty.service`]: '',
    [`${etc}/overrides.service`]: unit(),
    [`${lib}/overrides.service`]: wanted,
    [`${lib}/real.service`]: unit('[Install]\nAlias=known-as.service\n'),
    [`${etc}/known-as.service`]: { link: `/${lib}/real.service` },
    [`${lib}/unused-alias.service`]: unit('[Install]\nAlias=nothing.service\n'),
    [`${lib}/shipped-alias.service`]: { link: 'static.service' },
    [`${lib}/indirect.service`]: unit('[Install]\nAlso=other.socket\n'),
    'opt/tool/linked.service': wanted,
    [`${etc}/linked.service`]: { link: '/opt/tool/linked.service' },
    [`${lib}/getty@.service`]: unit('[Install]\nWantedBy=getty.target\nDefaultInstance=tty1\n'),
    [`${etc}/getty.target.wants/getty@tty1.service`]: { link: `/${lib}/getty@.service` },
    [`${lib}/serial@.service`]: unit('[Install]\nWantedBy=getty.target\n'),
    [`${etc}/getty.target.wants/serial@ttyS0.service`]: { link: `/${lib}/serial@.service` },
    [`${lib}/plain@.service`]: unit(),
    [`${etc}/getty.target.wants/plain@x.service`]: { link: `/${lib}/plain@.service` },
    [`${lib}/other-instance@.service`]: unit('[Install]\nWantedBy=getty.target\nDefaultInstance=tty1\n'),
    [`${etc}/getty.target.wants/other-instance@a.service`]: { link: `/${lib}/other-instance@.service` },
    [`${lib}/lib-instance@.service`]: wanted,
    [`${lib}/multi-user.target.wants/lib-instance@a.service`]: { link: '../lib-instance@.service' },
    [`${lib}/renamed.service`]: wanted,
    [`${etc}/new-name.service`]: { link: `/${lib}/renamed.service` },
    [`${lib}/single@one.service`]: unit(),
    [`${lib}/dropin.service`]: unit(),
    [`${etc}/dropin.service.d/install.conf`]: '[Install]\nWantedBy=multi-user.target\n',
    [`${lib}/continued.service`]: unit('[Install]\nWantedBy=\\\n  multi-user.target\n'),
    [`${lib}/forgotten.service`]: unit('[Install]\nWantedBy=multi-user.target\nWantedBy=\n'),
    'usr/local/lib/systemd/system/local.service': wanted,
    [`${lib}/a.timer`]: unit(),
    [`${lib}/a.service.d/ignored.conf`]: '[Service]\n',
    [`${lib}/crlf.service`]: wanted.replaceAll('\n', '\r\n'),
    [`${lib}/nosection.service`]: 'WantedBy=multi-user.target\n',
  });
  const ours = new Map(facts.services?.services.map(({ name, enabled }) => [name, enabled]));
  const listed = (
    await run('systemctl', [
      `--root=${folder}`,
      'list-unit-files',
      '--type=service',
      '--no-legend',
      '--no-pager',
    ])
  )
    .toString()
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).slice(0, 2));
  const instances = new Set([
    'getty@tty1.service',
    'serial@ttyS0.service',
    'plain@x.service',
    'other-instance@a.service',
  ]);
  expect([...ours].filter(([name]) => !instances.has(name))).toEqual(
    listed.toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1)),
  );
  for (const name of instances) {
    expect(ours.get(name)).toBe('enabled');
    expect((await run('systemctl', [`--root=${folder}`, 'is-enabled', name])).toString().trim()).toBe(
      'enabled',
    );
  }
  const targets = (name: string) =>
    facts.services?.services.find((service) => service.name === name)?.targets;
  expect(targets('enabled.service')).toEqual(['multi-user.target']);
  expect(targets('required.service')).toEqual(['graphical.target']);
  expect(targets('static.service')).toEqual(['multi-user.target']);
  expect(targets('disabled.service')).toEqual([]);
  expect(targets('getty@tty1.service')).toEqual(['getty.target']);
  expect(facts.services?.count).toBe(ours.size);
  expect(facts.services?.services.every(({ kind }) => kind === 'systemd')).toBe(true);
});

test('a link to nowhere and names that are odd', async () => {
  const { facts } = await servicesOf({
    [`${etc}/gone.service`]: { link: '/opt/gone.service' },
    [`${etc}/__proto__.service`]: unit(),
    [`${etc}/loop.service`]: { link: 'loop.service' },
    [`${etc}/garbage.service`]: Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 31) & 0xff)),
    [`${etc}/.service`]: unit(),
    [`${etc}/folder.service/x`]: '',
    [`${etc}/multi-user.target.wants/ghost.service`]: { link: '/nowhere/ghost.service' },
  });
  expect(facts.services?.services.map(({ name, enabled }) => [name, enabled])).toEqual([
    ['__proto__.service', 'static'],
    ['garbage.service', 'static'],
    ['gone.service', 'not-found'],
    ['loop.service', 'not-found'],
  ]);
});

test('System V scripts, but for those that a unit stands for', async () => {
  const { facts } = await servicesOf({
    [`${lib}/cron.service`]: unit(),
    [`${etc}/hwclock.service`]: { link: '/dev/null' },
    'etc/init.d/cron': '#!/bin/sh',
    'etc/init.d/hwclock.sh': '#!/bin/sh',
    'etc/init.d/legacy': '#!/bin/sh',
    'etc/init.d/idle': '#!/bin/sh',
    'etc/init.d/README': 'x',
    'etc/init.d/legacy.dpkg-dist': 'x',
    'etc/rc2.d/S03legacy': { link: '../init.d/legacy' },
    'etc/rc3.d/S03legacy': { link: '../init.d/legacy' },
    'etc/rc0.d/K01legacy': { link: '../init.d/legacy' },
    'etc/rc2.d/K01idle': { link: '../init.d/idle' },
  });
  expect(facts.services?.services.filter(({ kind }) => kind === 'sysv')).toEqual([
    { name: 'idle', kind: 'sysv', enabled: 'disabled', targets: [] },
    { name: 'legacy', kind: 'sysv', enabled: 'enabled', targets: ['rc2', 'rc3'] },
  ]);
});

test('OpenRC run levels', async () => {
  const { facts } = await servicesOf({
    'etc/init.d/sshd': '#!/sbin/openrc-run',
    'etc/init.d/crond': '#!/sbin/openrc-run',
    'etc/init.d/functions.sh': '',
    'etc/runlevels/default/sshd': { link: '/etc/init.d/sshd' },
    'etc/runlevels/boot/sshd': { link: '/etc/init.d/sshd' },
  });
  expect(facts.services?.services).toEqual([
    { name: 'crond', kind: 'openrc', enabled: 'disabled', targets: [] },
    { name: 'sshd', kind: 'openrc', enabled: 'enabled', targets: ['boot', 'default'] },
  ]);
});
