import { describe, expect, test } from 'vitest';
import { prefixOf } from '../../../disk/guest/network/interface.ts';
import { type Files, factsOf, machine, plant, warned } from '../../support/guest.ts';
import { scratch } from '../../support/scratch.ts';

async function factsWith(files: Files) {
  const folder = await scratch();
  plant(folder, { 'etc/os-release': 'ID=debian\n', ...files });
  return factsOf(machine(folder));
}

async function interfacesOf(files: Files) {
  return (await factsWith(files)).network?.interfaces;
}

describe('ifupdown', () => {
  test('stanzas, sourced files and folders', async () => {
    const found = await interfacesOf({
      'etc/network/interfaces': [
        '# comment',
        'source /etc/network/interfaces.d/*.cfg',
        'source-directory more',
        'auto lo ens3',
        'iface lo inet loopback',
        'iface ens3 inet static',
        '    address 192.0.2.10',
        '    netmask 255.255.255.0',
        '    gateway \\',
        '      192.0.2.1',
        '    hwaddress ether 52:54:00:AA:BB:CC',
        '    dns-nameservers 192.0.2.53 192.0.2.54',
        '    dns-search example.org',
        'iface ens3 inet6 auto',
        'allow-hotplug ens4',
        '  address 203.0.113.9',
        'iface ens4 inet dhcp',
      ].join('\n'),
      'etc/network/interfaces.d/a.cfg': 'iface ens5 inet manual\n',
      'etc/network/interfaces.d/.hidden.cfg': 'iface no inet manual\n',
      'etc/network/interfaces.d/b.conf': 'iface no inet manual\n',
      'etc/network/more/good': 'iface ens6 inet6 static\n address 2001:db8::6/64\n',
      'etc/network/more/bad.bak': 'iface no inet manual\n',
    });
    const source = '/etc/network/interfaces';
    expect(found).toEqual([
      { name: 'lo', mac: null, method: 'loopback', addresses: [], gateway: null, dns: [], source },
      {
        name: 'ens3',
        mac: '52:54:00:aa:bb:cc',
        method: 'static',
        addresses: ['192.0.2.10/24'],
        gateway: '192.0.2.1',
        dns: ['192.0.2.53', '192.0.2.54'],
        source,
      },
      { name: 'ens4', mac: null, method: 'dhcp', addresses: [], gateway: null, dns: [], source },
      {
        name: 'ens5',
        mac: null,
        method: 'manual',
        addresses: [],
        gateway: null,
        dns: [],
        source: '/etc/network/interfaces.d/a.cfg',
      },
      {
        name: 'ens6',
        mac: null,
        method: 'static',
        addresses: ['2001:db8::6/64'],
        gateway: null,
        dns: [],
        source: '/etc/network/more/good',
      },
    ]);
  });

  test('files that source each other in a circle end', async () => {
    const found = await interfacesOf({
      'etc/network/interfaces': 'source /etc/network/b\niface a inet dhcp\n',
      'etc/network/b': 'source interfaces\nsource b\niface b inet dhcp\n',
    });
    expect(found?.map(({ name }) => name)).toEqual(['a', 'b']);
  });
});

test.each([
  ['255.255.255.0', 24],
  ['255.255.255.255', 32],
  ['0.0.0.0', 0],
  ['255.0.255.0', null],
  ['255.255.255', null],
  ['64', 64],
  ['129', null],
  ['x', null],
])('netmask %s is %s bits', (mask, bits) => {
  expect(prefixOf(mask)).toBe(bits);
});

describe('netplan', () => {
  test('later files override, lists grow, match names the interface', async () => {
    const facts = await factsWith({
      'etc/netplan/50-cloud-init.yaml': `network:
    version: 2
    ethernets:
        ens3:
            dhcp4: true
            match:
                macaddress: 52:54:00:AA:BB:CC
            set-name: ens3
        fixed:
            match: {name: "enp2*"}
            addresses:
            - 192.0.2.10/24
            - "2001:db8::10/64": {lifetime: 0}
            routes:
            - to: 198.51.100.0/24
              via: 192.0.2.2
            - to: default
              via: 192.0.2.1
            nameservers:
                addresses: [192.0.2.53, '2001:db8::53']
                search: [example.org]
    bridges:
        br0:
            interfaces: [ens4]
            dhcp4: no
`,
      'etc/netplan/90-local.yaml':
        'network: {ethernets: {ens3: {dhcp4: false, addresses: [192.0.2.99/24]}}}\n',
      'etc/netplan/not-yaml.txt': 'network:\n',
    });
    expect(facts.network?.interfaces).toEqual([
      {
        name: 'ens3',
        mac: '52:54:00:aa:bb:cc',
        method: 'static',
        addresses: ['192.0.2.99/24'],
        gateway: null,
        dns: [],
        source: '/etc/netplan/90-local.yaml',
      },
      {
        name: 'enp2*',
        mac: null,
        method: 'static',
        addresses: ['192.0.2.10/24', '2001:db8::10/64'],
        gateway: '192.0.2.1',
        dns: ['192.0.2.53', '2001:db8::53'],
        source: '/etc/netplan/50-cloud-init.yaml',
      },
      {
        name: 'br0',
        mac: null,
        method: 'manual',
        addresses: [],
        gateway: null,
        dns: [],
        source: '/etc/netplan/50-cloud-init.yaml',
      },
    ]);
    expect(facts.network?.dns).toEqual({ servers: ['192.0.2.53', '2001:db8::53'], search: ['example.org'] });
  });

  test('YAML that is not read is a warning with file and line, and no reason to stop', async () => {
    const facts = await factsWith({
      'etc/netplan/a.yaml': 'network:\n  ethernets: &all\n    ens3: {dhcp4: true}\n',
      'etc/netplan/b.yaml': 'network: {ethernets: {ens4: {dhcp4: true}}}\n',
      'etc/netplan/c.yaml': Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 89) & 0xff)),
      'etc/netplan/d.yaml': 'network: text\n',
      'etc/netplan/e.yaml': 'network: {ethernets: [1, 2], wifis: {w: text}}\n',
    });
    expect(facts.network?.interfaces.map(({ name }) => name)).toEqual(['ens4', 'w']);
    expect(warned(facts, 'CONFIGURATION_NOT_READ').map(({ where }) => where)).toEqual([
      '/etc/netplan/a.yaml',
      '/etc/netplan/c.yaml',
    ]);
    expect(warned(facts, 'CONFIGURATION_NOT_READ')[0]?.message).toContain('line 2');
  });
});

test('systemd-networkd: folders, masks, drop-ins, and templates of the distribution left out', async () => {
  const found = await interfacesOf({
    'etc/systemd/network/10-lan.network':
      '[Match]\nName=ens3 ens4\n[Link]\nMACAddress=52:54:00:00:00:01\n[Network]\nAddress=192.0.2.10/24\nGateway=192.0.2.1\nDNS=192.0.2.53\n[Route]\nDestination=198.51.100.0/24\nGateway=192.0.2.9\n',
    'usr/lib/systemd/network/10-lan.network.d/more.conf': '[Address]\nAddress=2001:db8::10/64\n',
    'etc/systemd/network/20-dhcp.network': '[Match]\nMACAddress=52:54:00:00:00:02\n[Network]\nDHCP=ipv4\n',
    'etc/systemd/network/30-masked.network': { link: '/dev/null' },
    'usr/lib/systemd/network/30-masked.network': '[Match]\nName=ens9\n[Network]\nDHCP=yes\n',
    'usr/lib/systemd/network/40-vendor.network': '[Match]\nName=ens5\n[Network]\nDHCP=yes\n',
    'usr/lib/systemd/network/80-container-host0.network':
      '[Match]\nVirtualization=container\nName=host0\n[Network]\nDHCP=yes\n',
    'usr/lib/systemd/network/80-container-ve.network': '[Match]\nName=ve-*\n[Network]\nDHCPServer=yes\n',
    'usr/lib/systemd/network/80-wifi-adhoc.network':
      '[Match]\nType=wlan\n[Network]\nLinkLocalAddressing=yes\n',
  });
  expect(found).toEqual([
    {
      name: 'ens3 ens4',
      mac: '52:54:00:00:00:01',
      method: 'static',
      addresses: ['192.0.2.10/24', '2001:db8::10/64'],
      gateway: '192.0.2.1',
      dns: ['192.0.2.53'],
      source: '/etc/systemd/network/10-lan.network',
    },
    {
      name: null,
      mac: '52:54:00:00:00:02',
      method: 'dhcp',
      addresses: [],
      gateway: null,
      dns: [],
      source: '/etc/systemd/network/20-dhcp.network',
    },
    {
      name: 'ens5',
      mac: null,
      method: 'dhcp',
      addresses: [],
      gateway: null,
      dns: [],
      source: '/usr/lib/systemd/network/40-vendor.network',
    },
  ]);
});

test('NetworkManager keyfiles, and none of their secrets', async () => {
  const facts = await factsWith({
    'etc/NetworkManager/system-connections/lan.nmconnection':
      '[connection]\nid=lan\ntype=ethernet\ninterface-name=ens3\n[ethernet]\nmac-address=52:54:00:AA:BB:CC\n[ipv4]\nmethod=manual\naddress1=192.0.2.10/24,192.0.2.1\naddress2=192.0.2.11/24\ndns=192.0.2.53;192.0.2.54;\ndns-search=example.org;\n[ipv6]\nmethod=auto\n',
    'etc/NetworkManager/system-connections/Home WiFi':
      '[connection]\nid=Home WiFi\ntype=wifi\n[wifi-security]\nkey-mgmt=wpa-psk\npsk=top-secret-key\n[ipv4]\nmethod=auto\n',
    'etc/NetworkManager/system-connections/junk': 'psk=top-secret-key\n',
  });
  expect(facts.network?.interfaces).toEqual([
    {
      name: 'Home WiFi',
      mac: null,
      method: 'dhcp',
      addresses: [],
      gateway: null,
      dns: [],
      source: '/etc/NetworkManager/system-connections/Home WiFi',
    },
    {
      name: 'ens3',
      mac: '52:54:00:aa:bb:cc',
      method: 'static',
      addresses: ['192.0.2.10/24', '192.0.2.11/24'],
      gateway: '192.0.2.1',
      dns: ['192.0.2.53', '192.0.2.54'],
      source: '/etc/NetworkManager/system-connections/lan.nmconnection',
    },
  ]);
  expect(JSON.stringify(facts)).not.toContain('top-secret');
});

test('name servers and hosts', async () => {
  const { network } = await factsWith({
    'etc/resolv.conf':
      '# made by hand\nnameserver 192.0.2.53\nnameserver 127.0.0.53\nsearch example.org example.net\noptions edns0\n',
    'etc/systemd/resolved.conf': '[Resolve]\n#DNS=198.51.100.1\nDNS=192.0.2.53 192.0.2.54\nDomains=~.\n',
    'etc/hosts': '127.0.0.1 localhost # comment\n# 10.0.0.1 none\n::1\tip6-localhost ip6-loopback\nlonely\n',
  });
  expect(network?.dns).toEqual({
    servers: ['192.0.2.53', '192.0.2.54'],
    search: ['example.org', 'example.net'],
  });
  expect(network?.hosts).toEqual([
    { address: '127.0.0.1', names: ['localhost'] },
    { address: '::1', names: ['ip6-localhost', 'ip6-loopback'] },
  ]);
});

test('a resolv.conf that lives in /run says nothing', async () => {
  const facts = await factsWith({ 'etc/resolv.conf': { link: '../run/systemd/resolve/stub-resolv.conf' } });
  expect(facts.network?.dns).toEqual({ servers: [], search: [] });
  expect(facts.warnings.map(({ code }) => code)).toEqual(['SECTION_NOT_BUILT']);
});
