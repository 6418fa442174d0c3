import { readFileSync } from 'node:fs';

export type HostSettings = {
  /** A URL of a .tar.gz of a release of this repository, and its SHA-256 in hexadecimal. */
  readonly release: { readonly url: string; readonly sha256: string };
  /** The worker's settings, DISKLANE_… and AWS_…, as README.md and docs/aws.md list them. */
  readonly environment: Readonly<Record<string, string>>;
};

/** Where jobs find their images on a host that says nothing else. */
const IMAGES = '/var/lib/disklane/images';

/** The drain ends well before systemd's patience, TimeoutStopSec. */
const defaults = { DISKLANE_PLATFORM: 'aws', DISKLANE_IMAGE_ROOTS: IMAGES, DISKLANE_DRAIN_SECONDS: '600' };

/**
 * The cloud-init of a worker's host: Debian 12 or newer, or Ubuntu 24.04, on bare metal with KVM. As JSON, which
 * is YAML. The host's own role, an instance profile on EC2, gives the credentials: none are in here.
 */
export function cloudInit({ release, environment }: HostSettings): string {
  const settings = Object.entries({ ...defaults, ...environment }).map(([name, value]) => {
    if (!/^[A-Z][A-Z0-9_]*$/.test(name)) throw new Error(`${name}: is no name of a setting`);
    if (/[\n"\\]/.test(value)) throw new Error(`${name}: must have no line break, quote or backslash`);
    if (/SECRET|TOKEN/.test(name)) throw new Error(`${name}: user data is no place for credentials`);
    return `${name}="${value}"\n`;
  });
  if (!/^[0-9a-f]{64}$/.test(release.sha256)) throw new Error('the release needs a SHA-256 in hexadecimal');
  const config = {
    package_update: true,
    packages: ['ca-certificates', 'curl', 'nodejs', 'npm', 'qemu-system-x86', 'qemu-utils', 'util-linux'],
    groups: ['disklane', 'kvm'],
    users: [
      'default',
      {
        name: 'disklane',
        system: true,
        primary_group: 'disklane',
        groups: 'kvm',
        no_create_home: true,
        shell: '/usr/sbin/nologin',
      },
    ],
    write_files: [
      { path: '/etc/disklane/worker.env', permissions: '0644', content: settings.join('') },
      {
        path: '/etc/systemd/system/disklane-worker.service',
        permissions: '0644',
        content: readFileSync(new URL('./disklane-worker.service', import.meta.url), 'utf8'),
      },
      { path: '/opt/disklane-setup', permissions: '0755', content: setup(release) },
    ],
    runcmd: [['/opt/disklane-setup']],
  };
  return `#cloud-config\n${JSON.stringify(config, null, 2)}\n`;
}

/** Takes the release, checks it, and starts the worker; stops at the first step that fails. */
function setup({ url, sha256 }: HostSettings['release']): string {
  return `#!/bin/bash
set -euo pipefail
archive=$(mktemp)
curl --fail --silent --show-error --location --retry 5 --output "$archive" ${quoted(url)}
echo "${sha256}  $archive" | sha256sum --check --quiet
mkdir -p /opt/disklane ${IMAGES}
tar --extract --gzip --strip-components=1 --no-same-owner --directory=/opt/disklane --file="$archive"
rm "$archive"
cd /opt/disklane
npm ci --omit=dev
systemctl daemon-reload
systemctl enable --now disklane-worker.service
`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
