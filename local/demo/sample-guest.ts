import { samplePackages } from './sample-packages.ts';

/** A file's content, or the target of a symbolic link. */
export type SampleFile = string | Buffer | { readonly link: string };

/** UUIDs of the sample's filesystems, named in its fstab. */
export const sampleUuids = {
  root: '6f3a1c52-0d5e-4a57-9c1b-2f6d8e0b7a11',
  var: 'b81e7d94-52c3-4f0e-8a6d-90c4e2f3d522',
  swap: '0c9d4e76-a1b2-4c3d-8e5f-617283940a33',
} as const;

const osRelease = `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
HOME_URL="https://www.debian.org/"
`;

const fstab = `# <file system> <mount point> <type> <options> <dump> <pass>
UUID=${sampleUuids.root} /    ext4 errors=remount-ro 0 1
UUID=${sampleUuids.var} /var ext4 defaults,noatime  0 2
UUID=${sampleUuids.swap} none swap sw                0 0
tmpfs /tmp tmpfs nosuid,nodev,size=256m 0 0
`;

const accounts = [
  'root:x:0:0:root:/root:/bin/bash',
  'daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin',
  'bin:x:2:2:bin:/bin:/usr/sbin/nologin',
  'mail:x:8:8:mail:/var/mail:/usr/sbin/nologin',
  'www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin',
  'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin',
  'systemd-network:x:998:998:systemd Network Management:/:/usr/sbin/nologin',
  'sshd:x:102:65534::/run/sshd:/usr/sbin/nologin',
  '_chrony:x:103:105:Chrony daemon:/var/lib/chrony:/usr/sbin/nologin',
  'anna:x:1000:1000:Anna Example,,,:/home/anna:/bin/bash',
  'deploy:x:1001:1001:Deployment:/home/deploy:/bin/sh',
];

const groups = [
  'root:x:0:',
  'daemon:x:1:',
  'bin:x:2:',
  'adm:x:4:anna',
  'mail:x:8:',
  'sudo:x:27:anna',
  'www-data:x:33:deploy',
  'nogroup:x:65534:',
  'systemd-network:x:998:',
  '_chrony:x:105:',
  'anna:x:1000:',
  'deploy:x:1001:',
];

/** Only Anna has a password; it stands for one and opens nothing. */
const shadow = accounts.map((line) => {
  const name = line.split(':', 1)[0];
  return `${name}:${name === 'anna' ? '$y$j9T$sampleonly$sampleonly' : name === 'deploy' ? '!' : '*'}:19800:0:99999:7:::`;
});

/** Services with the target that wants them when they are enabled; a second word says that one is. */
const services = `
cron multi-user enabled
chrony multi-user enabled
nginx multi-user enabled
rsyslog multi-user enabled
ssh multi-user enabled
networking multi-user enabled
unattended-upgrades multi-user enabled
e2scrub_reap default enabled
systemd-networkd multi-user
systemd-sysext sysinit
systemd-time-wait-sync sysinit
systemd-pstore sysinit enabled
console-getty getty
debug-shell sysinit
rescue
emergency
dpkg-db-backup
fstrim
apt-daily
apt-daily-upgrade
e2scrub_all
logrotate
systemd-journald
systemd-logind
systemd-udevd
systemd-tmpfiles-setup
systemd-tmpfiles-clean
systemd-random-seed
systemd-sysctl
systemd-modules-load
systemd-hostnamed
systemd-timedated
systemd-update-utmp
systemd-user-sessions
user@
`
  .trim()
  .split('\n')
  .map((line) => line.split(' '));

/** A 64-bit program for x86-64 that ends at once: header, one segment, `exit(0)`. */
function program(): Buffer {
  const code = Buffer.from('b83c00000031ff0f05', 'hex');
  const at = 0x400000n;
  const elf = Buffer.alloc(120 + code.length);
  elf.write('7f454c4602010100', 'hex');
  elf.writeUInt16LE(2, 16);
  elf.writeUInt16LE(62, 18);
  elf.writeUInt32LE(1, 20);
  elf.writeBigUInt64LE(at + 120n, 24);
  elf.writeBigUInt64LE(64n, 32);
  elf.writeUInt16LE(64, 52);
  elf.writeUInt16LE(56, 54);
  elf.writeUInt16LE(1, 56);
  elf.writeUInt32LE(1, 64);
  elf.writeUInt32LE(5, 68);
  elf.writeBigUInt64LE(at, 80);
  elf.writeBigUInt64LE(at, 88);
  elf.writeBigUInt64LE(BigInt(elf.length), 96);
  elf.writeBigUInt64LE(BigInt(elf.length), 104);
  elf.writeBigUInt64LE(0x1000n, 112);
  code.copy(elf, 120);
  return elf;
}

function units(): [string, SampleFile][] {
  return services.flatMap(([name = '', target, enabled]) => {
    const install = target === undefined ? '' : `\n[Install]\nWantedBy=${target}.target\n`;
    const unit = `[Unit]\nDescription=Sample of ${name}\n\n[Service]\nExecStart=/usr/bin/true\n${install}`;
    const path = `/usr/lib/systemd/system/${name}.service`;
    const files: [string, SampleFile][] = [[path, unit]];
    if (enabled) files.push([`/etc/systemd/system/${target}.target.wants/${name}.service`, { link: path }]);
    return files;
  });
}

function status(): string {
  return samplePackages
    .map(({ name, version, arch, source }) => {
      const from = source === name ? '' : `Source: ${source}\n`;
      return `Package: ${name}\nStatus: install ok installed\nPriority: optional\nSection: misc\nMaintainer: Sample <sample@example.org>\nArchitecture: ${arch}\n${from}Version: ${version}\nDescription: sample entry of ${name}\n`;
    })
    .concat(
      'Package: exim4\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 4.96-15+deb12u6\nDescription: removed, its configuration stays\n',
    )
    .join('\n');
}

/** The files of the sample's root filesystem. */
export function rootFiles(): Map<string, SampleFile> {
  return new Map<string, SampleFile>([
    ['/bin', { link: 'usr/bin' }],
    ['/sbin', { link: 'usr/sbin' }],
    ['/lib', { link: 'usr/lib' }],
    ['/usr/bin/sh', { link: 'dash' }],
    ['/usr/bin/dash', program()],
    ['/usr/bin/true', program()],
    ['/usr/sbin/init', { link: '../lib/systemd/systemd' }],
    ['/usr/lib/systemd/systemd', program()],
    ['/usr/lib/os-release', osRelease],
    ['/etc/os-release', { link: '../usr/lib/os-release' }],
    ['/etc/debian_version', '12.9\n'],
    ['/etc/hostname', 'web-01\n'],
    ['/etc/hosts', '127.0.0.1 localhost\n127.0.1.1 web-01.example.org web-01\n::1 localhost ip6-localhost\n'],
    ['/etc/resolv.conf', 'search example.org\nnameserver 192.0.2.53\nnameserver 2001:db8::53\n'],
    ['/etc/timezone', 'Europe/Berlin\n'],
    ['/etc/localtime', { link: '/usr/share/zoneinfo/Europe/Berlin' }],
    ['/etc/fstab', fstab],
    ['/etc/passwd', `${accounts.join('\n')}\n`],
    ['/etc/group', `${groups.join('\n')}\n`],
    ['/etc/shadow', `${shadow.join('\n')}\n`],
    ['/etc/network/interfaces', 'source /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n'],
    [
      '/etc/network/interfaces.d/ens3',
      'auto ens3\niface ens3 inet static\n  address 192.0.2.10/24\n  gateway 192.0.2.1\n  dns-nameservers 192.0.2.53\niface ens3 inet6 auto\n',
    ],
    ['/etc/systemd/system/sshd.service', { link: '/usr/lib/systemd/system/ssh.service' }],
    ['/etc/systemd/system/systemd-timesyncd.service', { link: '/dev/null' }],
    [
      '/usr/lib/systemd/system/getty@.service',
      '[Service]\n[Install]\nWantedBy=getty.target\nDefaultInstance=tty1\n',
    ],
    [
      '/etc/systemd/system/getty.target.wants/getty@tty1.service',
      { link: '/usr/lib/systemd/system/getty@.service' },
    ],
    ['/boot/vmlinuz-6.1.0-27-amd64', 'stands for a kernel\n'],
    ['/boot/vmlinuz-6.1.0-28-amd64', 'stands for a kernel\n'],
    ['/boot/initrd.img-6.1.0-27-amd64', 'stands for an initramfs\n'],
    ['/boot/initrd.img-6.1.0-28-amd64', 'stands for an initramfs\n'],
    ['/usr/lib/modules/6.1.0-27-amd64/modules.dep', ''],
    ['/usr/lib/modules/6.1.0-28-amd64/modules.dep', ''],
    ['/var/README', 'The filesystem for /var is mounted here.\n'],
    ['/home/anna/.profile', 'umask 022\n'],
    ...units(),
  ]);
}

/** The files of the filesystem that is mounted on /var. */
export function varFiles(): Map<string, SampleFile> {
  return new Map<string, SampleFile>([
    ['/lib/dpkg/status', status()],
    ['/lib/dpkg/arch', 'amd64\n'],
    ['/log/dpkg.log', ''],
    ['/www/html/index.html', '<!doctype html><title>web-01</title>\n'],
  ]);
}
