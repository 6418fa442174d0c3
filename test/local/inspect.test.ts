import { createHash } from 'node:crypto';
import {
  copyFile,
  mkdir,
  mkdtemp,
  open,
  readFile,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JobView } from '../../core/job/view.ts';
import type { InspectionResult } from '../../core/result/inspection.ts';
import { plant } from '../support/guest.ts';
import { run as tool } from '../support/run.ts';
import { testedPlatform } from './aws.ts';
import {
  descendants,
  document,
  over,
  Program,
  resultOf,
  run,
  sample,
  submit,
  until,
  urlOf,
} from './support.ts';

const MiB = 1024 ** 2;
let folder: string;
let roots: string;
let service: Program;
let platform: Awaited<ReturnType<typeof testedPlatform>>;
let url: string;
let jobs = 0;

const image = (name: string) => join(roots, name);
/** The sample's disk, uncompressed: root at 1 MiB, /var at 65 MiB. */
const raw = () => image('sample.raw');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'disklane-test-'));
  roots = join(folder, 'images');
  await mkdir(roots);
  await copyFile(sample.image, image('sample.qcow2'));
  await tool('qemu-img', ['convert', '-O', 'raw', sample.image, raw()]);
  platform = await testedPlatform();
  service = new Program(process.execPath, ['local/main.ts'], {
    ...platform.settings,
    PORT: '0',
    DISKLANE_DATA_DIR: join(folder, 'data'),
    DISKLANE_IMAGE_ROOTS: roots,
    DISKLANE_CONCURRENCY: '8',
  });
  url = urlOf(await service.ready());
});

afterAll(async () => {
  await service.end('SIGKILL');
  await platform.close();
  await rm(folder, { recursive: true });
});

/** Inspects an image to whatever end, and shows that the worker goes on with the next job. */
async function inspect(
  data: { image: object; [field: string]: unknown },
  more: object = {},
): Promise<JobView> {
  const id = `inspection-${++jobs}`;
  const job = await run(url, id, 'guestkit.inspect', data, more);
  expect(await run(url, `${id}-next`, 'system.echo', {})).toMatchObject({ status: 'Completed' });
  return job;
}

/** The error of an inspection that must fail; status and result document must say the same. */
async function failure(data: { image: object; [field: string]: unknown }, more: object = {}) {
  const job = await inspect(data, more);
  expect(job).toMatchObject({ status: 'Failed', error: expect.stringMatching(/\w/), attempt: 1 });
  const error = { message: job.error, ...job.error_details };
  expect((await resultOf(url, job.job_id)).data).toEqual({ version: '1.0', error });
  return error;
}

/** The result of an inspection that must complete. */
async function result(
  data: { image: object; [field: string]: unknown },
  more: object = {},
): Promise<InspectionResult> {
  const job = await inspect(data, more);
  expect(job).toMatchObject({ status: 'Completed', error: null, error_details: null });
  return (await resultOf<InspectionResult>(url, job.job_id)).data;
}

const sampled = { operating_system: { product_name: sample.product }, packages: { count: sample.packages } };

/** Changes bytes of a file in place. */
async function patch(path: string, offset: number, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(bytes, 0, bytes.length, offset);
  await file.close();
}

async function copyOf(path: string, name: string): Promise<string> {
  await tool('cp', ['--sparse=always', path, image(name)]);
  return image(name);
}

describe('where an image may lie', () => {
  test('in a folder below a root, also through a link that stays inside', async () => {
    await mkdir(image('folder/below'), { recursive: true });
    await copyFile(sample.image, image('folder/below/guest.qcow2'));
    await symlink('folder/below', image('link'));
    const path = image('link/guest.qcow2');
    expect(await result({ image: { path } })).toMatchObject({ ...sampled, image: { path, format: 'qcow2' } });
  });

  test('a path that is not there', async () => {
    const path = image('none.qcow2');
    expect(await failure({ image: { path } })).toEqual({
      code: 'IMAGE_NOT_FOUND',
      phase: 'opening',
      recoverable: false,
      message: `${path} does not exist`,
      details: { path },
    });
  });

  test('outside the roots: by its path, by dots, through a link', async () => {
    const outside = join(folder, 'outside.qcow2');
    await copyFile(sample.image, outside);
    await symlink(outside, image('out.qcow2'));
    await symlink(folder, image('out'));
    for (const path of [
      outside,
      '/etc/passwd',
      `${roots}/../outside.qcow2`,
      image('out.qcow2'),
      image('out/outside.qcow2'),
    ]) {
      expect(await failure({ image: { path } }), path).toMatchObject({
        code: 'IMAGE_NOT_ALLOWED',
        phase: 'opening',
        recoverable: false,
        details: {
          path,
          reason: expect.stringMatching(/is not inside an image root|leads out of the image roots/),
        },
      });
    }
  });

  test('what is no regular file: a folder, a FIFO', async () => {
    await mkdir(image('a-folder'));
    await tool('mkfifo', [image('fifo')]);
    for (const path of [image('a-folder'), image('fifo')]) {
      expect(await failure({ image: { path } }), path).toMatchObject({
        code: 'IMAGE_NOT_ALLOWED',
        phase: 'opening',
        message: `${path} is not a regular file`,
      });
    }
  });

  test.skipIf(process.getuid?.() !== 0)('a device (needs root to make one)', async () => {
    await tool('mknod', [image('device'), 'c', '1', '5']);
    expect(await failure({ image: { path: image('device') } })).toMatchObject({ code: 'IMAGE_NOT_ALLOWED' });
  });

  test('sources that are not built yet', async () => {
    for (const path of ['s3://bucket/disk.qcow2', 'https://disks.example/disk.qcow2', 'object://disk']) {
      expect(await failure({ image: { path } }), path).toMatchObject({
        code: 'IMAGE_UNSUPPORTED',
        phase: 'validation',
        recoverable: false,
      });
    }
  });
});

describe('what a job says of its image must be so', () => {
  const actual = createHash('sha256');
  let sha256: string;

  beforeAll(async () => {
    sha256 = actual.update(await readFile(sample.image)).digest('hex');
  });

  test('a checksum that matches, with and without its prefix', async () => {
    for (const checksum of [`sha256:${sha256}`, sha256.toUpperCase()]) {
      const given = { path: image('sample.qcow2'), checksum };
      expect(await result({ image: given })).toMatchObject({ ...sampled, image: { sha256 } });
    }
  });

  test('a checksum that does not', async () => {
    const expected = '0'.repeat(64);
    expect(
      await failure({ image: { path: image('sample.qcow2'), checksum: `sha256:${expected}` } }),
    ).toMatchObject({
      code: 'IMAGE_CHECKSUM_MISMATCH',
      phase: 'validation',
      recoverable: false,
      details: { expected, actual: sha256 },
    });
  });

  test('a checksum of a further disk counts as much', async () => {
    const disks = [{ path: raw(), checksum: sha256 }];
    expect(await failure({ image: { path: image('sample.qcow2') }, disks })).toMatchObject({
      code: 'IMAGE_CHECKSUM_MISMATCH',
      details: { path: raw(), expected: sha256 },
    });
  });

  test('its size, also where the image is cut short', async () => {
    const path = await copyOf(sample.image, 'cut-upload.qcow2');
    const size_bytes = (await readFile(path)).length;
    expect(await result({ image: { path, size_bytes } })).toMatchObject({ image: { size_bytes } });
    await truncate(path, 1000);
    expect(await failure({ image: { path, size_bytes } })).toMatchObject({
      code: 'IMAGE_CHECKSUM_MISMATCH',
      phase: 'validation',
      recoverable: false,
      details: { expected_size_bytes: size_bytes, actual_size_bytes: 1000 },
    });
  });

  test('its format', async () => {
    for (const [path, format] of [
      [raw(), 'qcow2'],
      [image('sample.qcow2'), 'raw'],
      [image('sample.qcow2'), 'vmdk'],
    ] as const) {
      expect(await failure({ image: { path, format } }), format).toMatchObject({
        code: 'IMAGE_FORMAT_MISMATCH',
        phase: 'opening',
        recoverable: false,
        details: { expected: `a ${format} image`, byte_offset: 0 },
      });
    }
  });

  test('it stays as it is while it is read: one that changes is said to, and may be tried again', async () => {
    const path = image('changing.raw');
    const size = 512 * MiB;
    await writeFile(path, '');
    await truncate(path, size);
    const zeros = createHash('sha256');
    const piece = Buffer.alloc(MiB);
    for (let at = 0; at < size; at += MiB) zeros.update(piece);
    // The checksum keeps the job reading for a while.
    await submit(
      url,
      document('changing', 'guestkit.inspect', { image: { path, checksum: zeros.digest('hex') } }),
    );
    await until(url, 'changing', ({ status }) => status === 'Running');
    await utimes(path, 1, 1);
    expect(await until(url, 'changing', over)).toMatchObject({
      status: 'Failed',
      error_details: { code: 'IMAGE_CHANGED', recoverable: true },
    });
    expect(await run(url, 'changing-next', 'system.echo', {})).toMatchObject({ status: 'Completed' });
  });
});

describe('images that cannot be read', () => {
  test('an empty file', async () => {
    await writeFile(image('empty'), '');
    expect(await failure({ image: { path: image('empty') } })).toMatchObject({
      code: 'IMAGE_CORRUPT',
      phase: 'opening',
      details: { layer: 'image', byte_offset: 0, found: 'an empty file' },
    });
  });

  test('one cut short: damage with the byte where it ends', async () => {
    const path = await copyOf(sample.image, 'cut.qcow2');
    await truncate(path, 200_000);
    const { code, recoverable, details } = await failure({ image: { path } });
    expect([code, recoverable]).toEqual(['IMAGE_CORRUPT', false]);
    expect(details?.byte_offset).toBeTypeOf('number');
    expect(details).toMatchObject({ layer: 'qcow2', source: 0 });
  });

  test('a qcow2 whose L1 table points at itself', async () => {
    const path = await copyOf(sample.image, 'circular.qcow2');
    const l1 = (await readFile(path)).readBigUInt64BE(40);
    const entry = Buffer.alloc(8);
    entry.writeBigUInt64BE(l1 | (1n << 63n));
    await patch(path, Number(l1), entry);
    expect(await failure({ image: { path } })).toMatchObject({
      code: 'IMAGE_CORRUPT',
      details: { layer: 'qcow2', byte_offset: expect.any(Number) },
    });
  });

  test.for([
    ['a backing file', ['-b', 'sample.raw', '-F', 'raw']],
    ['an external data file', ['-o', 'data_file=data.raw,data_file_raw=on']],
    ['encryption', ['--object', 'secret,id=s,data=x', '-o', 'encrypt.format=aes,encrypt.key-secret=s']],
  ] as const)('a qcow2 with %s is refused by the name of the feature', async ([what, options]) => {
    const name = `${what.replaceAll(' ', '-')}.qcow2`;
    await tool('qemu-img', ['create', '-q', '-f', 'qcow2', ...options, name, '128M'], { cwd: roots });
    expect(await failure({ image: { path: image(name) } })).toMatchObject({
      code: 'IMAGE_UNSUPPORTED',
      phase: 'opening',
      recoverable: false,
      details: {
        layer: 'qcow2',
        byte_offset: expect.any(Number),
        feature: expect.stringMatching(/backing|data file|encrypt/),
      },
    });
  });

  test('a virtual size beyond what the worker or the job admits', async () => {
    const path = await copyOf(sample.image, 'huge.qcow2');
    const size = Buffer.alloc(8);
    size.writeBigUInt64BE(2n ** 50n);
    await patch(path, 24, size);
    const limit = { code: 'LIMIT_EXCEEDED', phase: 'opening', details: { limit: 'maxVirtualSize' } };
    expect(await failure({ image: { path } })).toMatchObject(limit);
    await tool('qemu-img', ['create', '-q', '-f', 'qcow2', image('2g.qcow2'), '2G']);
    const constraints = { maximum_disk_size_gb: 1 };
    expect(await failure({ image: { path: image('2g.qcow2') } }, { constraints })).toMatchObject(limit);
  });

  test('one that takes longer than the job may', async () => {
    const path = image('long.raw');
    await writeFile(path, '');
    await truncate(path, 8 * 1024 * MiB);
    const execution = { timeout_seconds: 1 };
    const error = await failure({ image: { path, checksum: '0'.repeat(64) } }, { execution });
    expect(error).toMatchObject({ code: 'TIMEOUT', recoverable: false });
  });
});

describe('damage in what the image holds', () => {
  test('in one filesystem of two: completed, and the volume says what and where', async () => {
    const path = await copyOf(raw(), 'var-damaged.raw');
    // A byte of the superblock's UUID: its checksum is wrong now.
    const at = 65 * MiB + 1024 + 0x68;
    await patch(path, at, Buffer.of(0xff ^ ((await readFile(path))[at] ?? 0)));
    const found = await result({ image: { path } });
    expect(found.operating_system?.product_name).toBe(sample.product);
    const volumes = found.storage.devices?.map(({ name, status }) => [name, status]);
    expect(volumes).toEqual([
      ['sda1', 'read'],
      ['sda2', 'damaged'],
      ['sda3', 'recognised'],
    ]);
    const reason = found.storage.devices?.[1]?.reason ?? '';
    expect(reason).toMatch(/damaged at image byte \d+/);
    const byte = Number(/image byte (\d+)/.exec(reason)?.[1]);
    expect(byte - (65 * MiB + 1024), 'inside that superblock').toBeLessThan(1024);
    expect(byte).toBeGreaterThanOrEqual(65 * MiB + 1024);
    expect(found.warnings).toContainEqual(
      expect.objectContaining({ code: 'VOLUME_DAMAGED', message: expect.stringContaining(`${byte}`) }),
    );
  });

  test('in all of them: failed, with the byte', async () => {
    const path = await copyOf(raw(), 'all-damaged.raw');
    const bytes = await readFile(path);
    for (const start of [1, 65]) {
      const at = start * MiB + 1024 + 0x68;
      await patch(path, at, Buffer.of(0xff ^ (bytes[at] ?? 0)));
    }
    const { code, recoverable, details } = await failure({ image: { path } });
    expect([code, recoverable]).toEqual(['IMAGE_CORRUPT', false]);
    expect(Number(details?.byte_offset) - (MiB + 1024)).toBeGreaterThanOrEqual(0);
    expect(Number(details?.byte_offset) - (MiB + 1024)).toBeLessThan(1024);
  });

  test('directories and extents that lead back to themselves end', async () => {
    const path = image('circular.ext4');
    const tree = join(folder, 'circular');
    plant(tree, { 'etc/os-release': 'ID=x\nPRETTY_NAME="Round"\n', 'usr/lib/a': '' });
    await tool('mke2fs', ['-q', '-t', 'ext4', '-O', '^metadata_csum', '-d', tree, path, '8M']);
    // /usr/lib is /usr, and the root is below /etc.
    await tool('debugfs', ['-w', '-f', '-', path], {
      input: 'unlink /usr/lib\nlink /usr /usr/lib\nlink <2> /etc/systemd\n',
    });
    expect(await result({ image: { path } })).toMatchObject({
      operating_system: { product_name: 'Round', root: 'sda' },
    });

    // The extents of the root directory: one level of tree, whose block is the superblock's.
    const file = await open(path, 'r');
    await file.close();
    const broken = await copyOf(path, 'extents.ext4');
    await tool('debugfs', ['-w', '-f', '-', broken], {
      input: 'set_inode_field <2> block[0] 0x0001f30a\nset_inode_field <2> block[1] 0x00010004\n',
    });
    expect(await failure({ image: { path: broken } })).toMatchObject({
      code: 'IMAGE_CORRUPT',
      details: { byte_offset: expect.any(Number) },
    });
  });
});

test('names that a guest may choose to do harm are only names', async () => {
  const tree = join(folder, 'names');
  const bad = Buffer.from('b\xff\xfed', 'latin1');
  plant(tree, {
    'etc/os-release': 'ID=__proto__\nPRETTY_NAME="constructor"\n',
    'etc/passwd': Buffer.concat([
      Buffer.from('__proto__:x:1000:1000::/home:/bin/sh\nconstructor:x:1001:1001::/:/bin/sh\n'),
      bad,
      Buffer.from(':x:1002:1002::/:/bin/sh\n'),
    ]),
    'etc/hostname': Buffer.concat([bad, Buffer.from('\n')]),
    'var/lib/dpkg/status':
      'Package: __proto__\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n',
    'etc/systemd/system/__proto__.service':
      '[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n',
    'usr/lib/systemd/systemd': '',
  });
  const path = image('names.ext4');
  await tool('mke2fs', ['-q', '-t', 'ext4', '-d', tree, path, '8M']);
  const found = await result({ image: { path } });
  const broken = { text: 'b\uFFFD\uFFFDd', base64: bad.toString('base64') };
  expect(found.operating_system).toMatchObject({
    distribution: '__proto__',
    product_name: 'constructor',
    hostname: broken.text,
    hostname_base64: broken.base64,
  });
  expect(found.users?.users).toMatchObject([
    { name: '__proto__', uid: 1000 },
    { name: 'constructor', uid: 1001 },
    { name: broken.text, name_base64: broken.base64, uid: 1002 },
  ]);
  expect(found.packages).toMatchObject({ count: 1, packages: ['__proto__'] });
  expect(found.services?.services.map(({ name }) => name)).toContain('__proto__.service');
});

test('a disk without an operating system completes, and says what was looked for', async () => {
  const path = image('nothing.raw');
  await writeFile(path, '');
  await truncate(path, MiB);
  const found = await result({ image: { path } });
  expect(found).toMatchObject({
    operating_system: null,
    operating_systems: [],
    storage: { disks: [{ table: 'none' }] },
  });
  expect(found.warnings).toContainEqual(
    expect.objectContaining({ message: expect.stringContaining('os-release') }),
  );
});

test('eight inspections at once, each with its own image and result, and no reader is left', async () => {
  const before = await descendants(service.pid);
  const names = Array.from({ length: 8 }, (_, n) => `eight-${n}.qcow2`);
  await Promise.all(names.map((name) => copyFile(sample.image, image(name))));
  const ended = await Promise.all(
    names.map((name) =>
      run(url, `at-once-${basename(name)}`, 'guestkit.inspect', { image: { path: image(name) } }),
    ),
  );
  expect(ended.map(({ status }) => status)).toEqual(names.map(() => 'Completed'));
  for (const [n, { job_id }] of ended.entries()) {
    const { data } = await resultOf<InspectionResult>(url, job_id);
    expect(data).toMatchObject({ ...sampled, image: { path: image(names[n] ?? '') } });
  }
  // The spare of before has served one of them; another stands ready.
  await expect.poll(async () => (await descendants(service.pid)).size).toBe(1);
  for (const pid of (await descendants(service.pid)).keys()) expect([...before.keys()]).not.toContain(pid);
});
