import { elf } from '../../support/elf.ts';
import { type Files, plant } from '../../support/guest.ts';

const statusOf = (n: number) =>
  `Package: package-${n}
Status: ${n % 9 === 0 ? 'deinstall ok config-files' : 'install ok installed'}
Priority: optional
Architecture: ${n % 5 === 0 ? 'all' : 'amd64'}
Source: source-${n} (1.${n}-1)
Version: 1:1.${n}-1+deb12u${n}
Description: the package number ${n}
 with a long description
`;

/** A small Debian as a seed's root: a file for each reader of guest knowledge, so that each meets damage. */
const files: Files = {
  'usr/lib/os-release':
    'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME=\'Debian GNU/Linux\'\nVERSION_ID="12"\nVERSION="12 (bookworm)"\nVERSION_CODENAME=bookworm\nID=debian\n',
  'etc/os-release': { link: '../usr/lib/os-release' },
  'etc/debian_version': '12.9\n',
  'etc/hostname': 'seed.example\n',
  'etc/timezone': 'Europe/Paris\n',
  'etc/localtime': { link: '/usr/share/zoneinfo/Europe/Paris' },
  'etc/passwd':
    'root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\nalice:x:1000:1000:Alice,,,:/home/alice:/bin/sh\n',
  'etc/shadow': 'root:*:19000:0:99999:7:::\ndaemon:!:19000::::::\nalice:$y$j9T$abc:19000:0:99999:7:::\n',
  'etc/group': 'root:x:0:\ndaemon:x:1:\nalice:x:1000:\nsudo:x:27:alice,root\n',
  'etc/fstab':
    '# <file system> <mount point> <type> <options> <dump> <pass>\nUUID=11111111-2222-3333-4444-555555555555 / ext4 errors=remount-ro 0 1\nLABEL=data /srv ext4 defaults,nofail 0 2\n/dev/sda5 /var/spool ext3 ro 0 0\n/srv\\040x /mnt none bind 0 0\ntmpfs /tmp tmpfs size=1G 0 0\n',
  'etc/hosts': '127.0.0.1 localhost\n::1 localhost ip6-localhost # comment\n',
  'etc/resolv.conf': 'nameserver 192.0.2.53\nsearch example.org example.net\n',
  'etc/network/interfaces':
    'auto lo\niface lo inet loopback\nsource /etc/network/interfaces.d/*\nauto eth0\niface eth0 inet static\n address 192.0.2.5\n netmask 255.255.255.0\n gateway 192.0.2.1\n',
  'etc/network/interfaces.d/vlan': 'iface eth0.7 inet dhcp\n',
  'etc/netplan/50-cloud.yaml':
    'network:\n  version: 2\n  ethernets:\n    eth1:\n      dhcp4: true\n      match: {macaddress: "52:54:00:aa:bb:cc"}\n      addresses: [192.0.2.7/24, "2001:db8::7/64"]\n      routes:\n        - to: default\n          via: 192.0.2.1\n      nameservers:\n        addresses: [192.0.2.54]\n',
  'etc/systemd/network/10-en.network':
    '[Match]\nName=en*\n[Network]\nDHCP=yes\nDNS=192.0.2.55\n[Route]\nGateway=192.0.2.9\n',
  'etc/NetworkManager/system-connections/office.nmconnection':
    '[connection]\nid=office\ntype=ethernet\ninterface-name=eth2\n[ipv4]\nmethod=manual\naddress1=192.0.2.8/24,192.0.2.1\ndns=192.0.2.56;\n',
  'usr/lib/systemd/system/ssh.service':
    '[Unit]\nDescription=OpenSSH\n[Service]\nExecStart=/usr/sbin/sshd \\\n  -D\n[Install]\nWantedBy=multi-user.target\nAlias=sshd.service\n',
  'usr/lib/systemd/system/getty@.service': '[Install]\nWantedBy=getty.target\nDefaultInstance=tty1\n',
  'usr/lib/systemd/system/static.service': '[Service]\nType=oneshot\n',
  'usr/lib/systemd/system/ssh.service.d/10.conf': '[Install]\nAlso=ssh.socket\n',
  'etc/systemd/system/multi-user.target.wants/ssh.service': { link: '/usr/lib/systemd/system/ssh.service' },
  'etc/systemd/system/sshd.service': { link: '/usr/lib/systemd/system/ssh.service' },
  'etc/systemd/system/masked.service': { link: '/dev/null' },
  'etc/init.d/cron': '#!/bin/sh\n',
  'etc/rc2.d/S01cron': { link: '../init.d/cron' },
  // Blocks of zeroes between become holes, so that the file has many extents, or indirect blocks.
  'var/lib/dpkg/status': Array.from(
    { length: 40 },
    (_, n) => `\n\n${statusOf(n)}`.padEnd(1024, '\n') + '\0'.repeat(1024),
  ).join(''),
  'boot/vmlinuz-6.1.0-18-amd64': 'kernel',
  'boot/initrd.img-6.1.0-18-amd64': 'initrd',
  'usr/lib/modules/6.1.0-18-amd64/modules.dep': '',
  'usr/lib/systemd/systemd': elf(),
  'usr/bin/dash': elf(),
  'usr/bin/sh': { link: 'dash' },
  'usr/sbin/init': { link: '/lib/systemd/systemd' },
  bin: { link: 'usr/bin' },
  sbin: { link: 'usr/sbin' },
  lib: { link: 'usr/lib' },
  srv: { folder: true },
};

/** The guest's plain files of text, by path: what text mutations write over. */
export const texts: readonly string[] = Object.entries(files).flatMap(([path, content]) =>
  typeof content === 'string' ? [path] : [],
);

/** Every path of the guest, folders too. */
export const paths: readonly string[] = [
  ...new Set(
    Object.keys(files).flatMap((path) =>
      path.split('/').map((_, depth, steps) => `/${steps.slice(0, depth + 1).join('/')}`),
    ),
  ),
];

/** Writes the guest below `folder`; with `crowd` entries more in one directory, so that it gets a hash index. */
export function plantGuest(folder: string, crowd = 0): void {
  plant(folder, files);
  for (let n = 0; n < crowd; n++) {
    plant(folder, { [`usr/lib/systemd/system/unit-${n}-of-a-crowd-with-a-long-name.service`]: '' });
  }
}
