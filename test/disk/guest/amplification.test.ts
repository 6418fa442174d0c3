import { linkSync, mkdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { factsOf, folderVolume, machine, plant, warned } from '../../support/guest.ts';
import { scratch } from '../../support/scratch.ts';

/** Few bytes on the disk must not become much work: each of these once took minutes, or all memory. */

const system = { 'etc/os-release': 'ID=debian\n' };

async function factsWith(plantMore: (folder: string) => void) {
  const folder = await scratch();
  plant(folder, system);
  plantMore(folder);
  return factsOf(machine(folderVolume(folder)));
}

test('a unit of eight megabytes in one continued line takes linear time', { timeout: 15_000 }, async () => {
  const unit = `[Install]\n${`${'A'.repeat(40)}\\\n`.repeat(190_000)}\nWantedBy=multi-user.target\n`;
  const { services } = await factsWith((folder) =>
    plant(folder, { 'usr/lib/systemd/system/a.service': unit }),
  );
  expect(services?.services).toMatchObject([{ name: 'a.service', enabled: 'disabled' }]);
});

test('a name on every line of passwd has its groups once', async () => {
  const passwd = 'a:x:1:1::/:\n'.repeat(20_000);
  const group = Array.from({ length: 20_000 }, (_, n) => `g${n}:x:${n + 10}:a\n`).join('');
  const { users } = await factsWith((folder) => plant(folder, { 'etc/passwd': passwd, 'etc/group': group }));
  expect(users?.users).toHaveLength(20_000);
  expect(users?.users[0]?.groups).toHaveLength(20_000);
  expect(users?.users[1]?.groups).toEqual([]);
});

test('one large file under many names is read a bounded number of times', async () => {
  const facts = await factsWith((folder) => {
    const units = join(folder, 'usr/lib/systemd/system');
    plant(folder, { 'usr/lib/systemd/system/unit-0.service': `${'#'.repeat(4 * 1024 ** 2)}\n` });
    for (let n = 1; n < 40; n++) linkSync(join(units, 'unit-0.service'), join(units, `unit-${n}.service`));
  });
  expect(facts.services?.count).toBe(40);
  const refused = warned(facts, 'FILE_UNREADABLE');
  expect(refused.length).toBeGreaterThan(20);
  expect(refused[0]?.message).toContain('maxContentBytes');
});

test('interfaces that source a folder on every line list it a bounded number of times', async () => {
  const { network } = await factsWith((folder) => {
    mkdirSync(join(folder, 'etc/network/d'), { recursive: true });
    plant(folder, {
      'etc/network/interfaces': `${'source d/*\n'.repeat(100_000)}iface last inet dhcp\n`,
      'etc/network/d/one': 'iface one inet dhcp\n',
    });
  });
  expect(network?.interfaces.map(({ name }) => name)).toEqual(['last', 'one']);
});

test('no more than 16 systems are read', async () => {
  const folder = await scratch();
  plant(folder, system);
  const facts = factsOf(machine(...Array.from({ length: 20 }, () => folderVolume(folder))));
  expect(facts.operating_systems).toHaveLength(16);
  expect(warned(facts, 'SYSTEMS_LEFT_OUT')).toMatchObject([{ where: 'sda17' }]);
});

test('a line of megabytes is cut', async () => {
  const facts = await factsWith((folder) => plant(folder, { 'etc/hostname': '\0'.repeat(4 * 1024 ** 2) }));
  expect(facts.operating_system?.hostname).toHaveLength(64 * 1024);
});

test('a file of millions of lines is refused, with a warning', async () => {
  const facts = await factsWith((folder) => plant(folder, { 'etc/passwd': '\n'.repeat(4 * 1024 ** 2) }));
  expect(facts.users?.users).toEqual([]);
  expect(warned(facts, 'FILE_UNREADABLE')).toMatchObject([
    { where: '/etc/passwd', message: expect.stringContaining('maxLines') },
  ]);
});

test('one large package database under many names is streamed a bounded number of times', async () => {
  const { packages, warnings } = await factsWith((folder) => {
    const database = join(folder, 'var/lib/dpkg/status.d');
    plant(folder, { 'var/lib/dpkg/status.d/0': 'Package: a\n\n' });
    truncateSync(join(database, '0'), 100 * 1024 ** 2);
    for (let n = 1; n < 20; n++) linkSync(join(database, '0'), join(database, `${n}`));
  });
  expect(packages?.count).toBeNull();
  expect(warned({ warnings }, 'FILE_UNREADABLE').length).toBeGreaterThan(15);
});

test('of kernels without number only a thousand are put in order', async () => {
  const { kernels } = await factsWith((folder) => {
    for (let n = 0; n < 1500; n++) mkdirSync(join(folder, `lib/modules/${n}.0`), { recursive: true });
  });
  expect(kernels).toHaveLength(1000);
});

test('a unit of a million sections is refused, with a warning', async () => {
  const unit = `[Install]\n${'[a]\nb=c\n'.repeat(1_000_000)}`;
  const facts = await factsWith((folder) => plant(folder, { 'usr/lib/systemd/system/a.service': unit }));
  expect(facts.services?.count).toBe(1);
  expect(warned(facts, 'FILE_UNREADABLE')).toMatchObject([
    { where: '/usr/lib/systemd/system/a.service', message: expect.stringContaining('maxLines') },
  ]);
});
