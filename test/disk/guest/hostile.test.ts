import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DiskError } from '../../../disk/error.ts';
import { type Files, factsOf, folderVolume, machine, plant } from '../../support/guest.ts';
import { scratch } from '../../support/scratch.ts';

/** Every file whose content is taken apart. */
const read = [
  'etc/os-release',
  'etc/lsb-release',
  'etc/debian_version',
  'etc/hostname',
  'etc/timezone',
  'etc/fstab',
  'etc/passwd',
  'etc/group',
  'etc/shadow',
  'etc/hosts',
  'etc/resolv.conf',
  'etc/systemd/resolved.conf',
  'etc/network/interfaces',
  'etc/network/interfaces.d/x',
  'etc/netplan/x.yaml',
  'etc/systemd/network/x.network',
  'etc/systemd/network/x.network.d/x.conf',
  'etc/NetworkManager/system-connections/x',
  'etc/systemd/system/x.service',
  'etc/systemd/system/x.service.d/x.conf',
  'var/lib/dpkg/status',
  'var/lib/dpkg/status.d/x',
  'bin/sh',
  'sbin/init',
] as const;

function planted(content: (path: string) => string | Uint8Array): Files {
  return Object.fromEntries(read.map((path) => [path, content(path)]));
}

/** Numbers that look random and are the same on every run (a linear congruential generator). */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Pieces of the formats, glued together without sense. */
const pieces = [
  '\n',
  '\n',
  ' ',
  '\t',
  '\\',
  '"',
  "'",
  '=',
  ':',
  '#',
  ';',
  ',',
  '[',
  ']',
  '{',
  '}',
  '-',
  '- ',
  ': ',
  '&a',
  '*a',
  '|',
  '/',
  '*',
  '..',
  '%',
  '\0',
  '\r\n',
  '\xff',
  '\xc3',
  '\xa0',
  '0',
  '9'.repeat(20),
  '-1',
  '__proto__',
  'constructor',
  'toString',
  'ID=',
  'ID="',
  'VERSION_ID=',
  'Package: ',
  'Status: install ok installed',
  'Version: 1',
  '\n\n',
  '[Install]',
  'WantedBy=',
  'Alias=../../x.service',
  'DefaultInstance=',
  '[Match]',
  'Name=',
  '[Network]',
  'Address=',
  'network:',
  'ethernets:',
  'iface x inet static',
  'address ',
  'netmask ',
  'source *',
  'source ../../*',
  'source-directory /',
  'nameserver ',
  'x:x:0:0:',
  'UUID=',
  '/dev/sda1 /',
  ' ext4 bind 0 0',
  '/dev/sda1 /etc ext4 defaults 0 0',
  '\x7fELF',
];

describe('content without sense', () => {
  test.each(Array.from({ length: 40 }, (_, seed) => seed))('ends in facts, seed %i', async (seed) => {
    const next = generator(seed);
    const folder = await scratch();
    plant(
      folder,
      planted(() =>
        Buffer.from(Array.from({ length: next(400) }, () => pieces[next(pieces.length)]).join(''), 'latin1'),
      ),
    );
    const facts = factsOf(machine(folder));
    expect(facts.operating_systems).toHaveLength(1);
    expect(JSON.parse(JSON.stringify(facts))).toEqual(facts);
  });
});

describe('one endless line takes no endless time', () => {
  const fill = (unit: string) => unit.repeat(Math.ceil(300_000 / unit.length));
  test.each([
    ' ',
    '\t ',
    '(',
    '\\',
    '"',
    "'",
    'a=',
    ':',
    ',',
    '[',
    '- ',
    '/',
    '*',
    '#',
    '@',
    '\xa0',
    '\\040',
    'a ',
    ': ',
  ])('of %j', async (unit) => {
    const folder = await scratch();
    plant(
      folder,
      planted((path) => {
        const line = `${fill(unit)}x`;
        if (path.endsWith('fstab')) return `/dev/sda9 ${line} ext4 d 0 0\n${line} /usr ext4 d 0 0\n${line}`;
        if (path.endsWith('os-release')) return `ID=${line}\nVERSION=${line}\n${line}`;
        if (path.endsWith('interfaces'))
          return `source ${line}\niface x inet static\n address ${line}\n${line}`;
        if (path.endsWith('.yaml')) return `network: ${line}\n${line}`;
        if (path.includes('systemd') || path.includes('NetworkManager'))
          return `[Install]\nAlias=${line}\n${line}\n`;
        if (path.includes('dpkg')) return `Package: ${line}\nStatus: ${line}\n${line}`;
        return `${line}:x:0:0:${line}\n${line}`;
      }),
    );
    // Anything quadratic in the line would run past the test's own time-out.
    expect(factsOf(machine(folder)).operating_systems).toHaveLength(1);
  });

  test('nor do a hundred thousand short ones', async () => {
    const folder = await scratch();
    const lines: Record<string, string> = {
      'etc/passwd': 'x:x:1:1:::',
      'etc/group': 'x:x:1:x',
      'etc/hosts': '::1 x',
      'etc/resolv.conf': 'search x',
      'etc/fstab': 'a /a b',
      'etc/network/interfaces': 'source a',
      'etc/systemd/network/x.network': '[Match]',
      'etc/systemd/network/x.network.d/x.conf': 'x=y',
      'etc/systemd/resolved.conf': '[Resolve]\nDNS=x',
      'etc/netplan/x.yaml': 'a: b',
    };
    plant(
      folder,
      planted((path) =>
        `${lines[path] ?? 'x=y'}\n`.repeat(path === 'etc/passwd' || path === 'etc/group' ? 50_000 : 100_000),
      ),
    );
    const facts = factsOf(machine(folder));
    expect(facts.users?.users).toHaveLength(50_000);
    expect(facts.network?.hosts).toHaveLength(10_000);
  });
});

test('damage in any one file leaves the other facts', async () => {
  const files: Files = {
    'etc/os-release': 'ID=debian\n',
    'etc/hostname': 'web\n',
    'etc/passwd': 'root:x:0:0:::\n',
    'var/lib/dpkg/status': 'Package: sed\nStatus: install ok installed\n',
    'etc/systemd/system/x.service': '[Service]\n',
  };
  for (const broken of Object.keys(files)) {
    const folder = await scratch();
    plant(folder, files);
    const facts = factsOf(machine(folderVolume(folder, {}, { broken: [`/${broken}`] })));
    expect(facts.warnings).toContainEqual({
      code: 'FILE_UNREADABLE',
      message: 'test: damaged at image byte 8192: expected a whole block, found a broken one',
      where: `/${broken}`,
    });
    expect([
      facts.operating_system?.distribution,
      facts.operating_system?.hostname,
      facts.users?.users.length,
      facts.packages?.count,
      facts.services?.services[0]?.enabled,
    ]).toEqual([
      broken === 'etc/os-release' ? null : 'debian',
      broken === 'etc/hostname' ? null : 'web',
      broken === 'etc/passwd' ? 0 : 1,
      broken === 'var/lib/dpkg/status' ? null : 1,
      broken === 'etc/systemd/system/x.service' ? 'unknown' : 'static',
    ]);
  }
});

test('a source that fails ends the inspection, whichever file it is in', async () => {
  const folder = await scratch();
  plant(
    folder,
    planted(() => 'ID=x\n'),
  );
  writeFileSync(join(folder, 'etc/hostname'), 'web');
  const fields = { layer: 'file', at: null, image: null, expected: 'bytes', found: 'none' } as const;
  for (const path of [
    '/etc/hostname',
    '/etc/passwd',
    '/var/lib/dpkg/status',
    '/etc/netplan',
    '/etc/systemd/system',
  ]) {
    const error = () => new DiskError({ kind: 'io', ...fields });
    const volume = folderVolume(folder, {}, { broken: [path], error });
    expect(() => factsOf(machine(volume))).toThrow(DiskError);
  }
});
