import { chmod, copyFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { Ajv } from 'ajv';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { localSettings } from '../../local/settings.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { parseSettings } from '../../worker/settings.ts';
import { openEndpoint } from '../platform/aws/endpoint.ts';
import { scratch } from '../support/scratch.ts';
import { readDockerfile, resolveStage } from './compose/dockerfile.ts';
import { Builder, contextOf, type Image } from './compose/image.ts';
import { call, type Program, repository, resultOf, run, type Settings, sample, start } from './support.ts';

// compose.yaml and its images where there is no engine: the file by its schema and by what must hold, the images by
// their steps, run in order, and by what they then do.

const texts = z.array(z.string());
const composeFile = z.object({
  services: z.record(
    z.string(),
    z.looseObject({
      image: z.string(),
      build: z.object({ context: z.string(), dockerfile: z.string(), target: z.string() }).optional(),
      profiles: texts.optional(),
      ports: texts.default([]),
      environment: z.record(z.string(), z.string()).default({}),
      entrypoint: texts.optional(),
      command: texts.default([]),
      networks: z.union([texts, z.record(z.string(), z.object({ aliases: texts }))]).default(['default']),
      stop_grace_period: z.string().optional(),
    }),
  ),
});

const document: unknown = parse(await readFile(join(repository, 'compose.yaml'), 'utf8'), { merge: true });
const { services } = composeFile.parse(document);
const service = (name: string) => {
  const found = services[name];
  if (found === undefined) throw new Error(`no service ${name}`);
  return found;
};
const ours = ['gateway', 'worker', 'provision'];
const emulators = ['localstack', 'floci', 'ministack'];
const stages = readDockerfile(join(repository, 'local/images/Dockerfile'));

test('the file is what the Compose Specification says, and a wrong one would not be', async () => {
  const text = await readFile(join(import.meta.dirname, 'compose/compose-spec.json'), 'utf8');
  const { $schema: _, ...schema } = z.record(z.string(), z.unknown()).parse(JSON.parse(text));
  const validate = new Ajv({ strict: false, validateFormats: false }).compile(schema);
  expect([validate(document), validate.errors]).toEqual([true, null]);
  expect(validate({ services: { gateway: { ...service('gateway'), port: '8080' } } })).toBe(false);
});

test('every port is on the loopback, and the API where `npm start` has it', () => {
  for (const { ports } of Object.values(services)) {
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:(\d+):\1$/);
  }
  expect(service('gateway').ports).toEqual(['127.0.0.1:8080:8080']);
  expect(service('worker').ports).toEqual([]);
});

test('one emulator runs at a time, pinned, at the same place', async () => {
  expect(Object.keys(services).sort()).toEqual([...ours, ...emulators].sort());
  expect(service('localstack').image).toBe('localstack/localstack:4.14.0');
  expect(await readFile(join(repository, '.env'), 'utf8')).toMatch(/^COMPOSE_PROFILES=localstack$/m);
  for (const name of emulators) {
    const { image, profiles, ports, networks } = service(name);
    expect([profiles, ports]).toEqual([[name], ['127.0.0.1:4566:4566']]);
    expect(image).toMatch(/:\d+\.\d+\.\d+$/);
    for (const network of ['default', 'inside']) {
      const names = Array.isArray(networks)
        ? networks.includes(network) && [name]
        : networks[network]?.aliases;
      expect(names).toEqual(['localstack']);
    }
  }
});

test('services of ours have no rights they do not need, and settings that are known', () => {
  for (const name of ours) {
    const { build, environment, ...rest } = service(name);
    expect(rest).toMatchObject({
      init: true,
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    });
    const { image, steps, health } = resolveStage(stages, build?.target ?? '');
    expect(image).toBe(`node:${packageJson.dependencies.node}-bookworm-slim`);
    expect(steps.findLast((step) => step.name === 'USER')?.args).toEqual(['node']);
    expect(health?.[0]).toBe('node');
    const settings = parseSettings(localSettings, environment);
    expect(settings).toMatchObject({
      DISKLANE_PLATFORM: 'aws',
      DISKLANE_AWS_ENDPOINT: 'http://localstack:4566',
      DISKLANE_AWS_PUBLIC_ENDPOINT: 'http://127.0.0.1:4566',
    });
  }
  const worker = service('worker');
  expect(worker.volumes).toEqual([{ type: 'bind', source: './images', target: '/images', read_only: true }]);
  const { DISKLANE_DRAIN_SECONDS: drain } = parseSettings(localSettings, worker.environment);
  expect(Number.parseInt(worker.stop_grace_period ?? '', 10)).toBeGreaterThan(drain);
});

test('nothing secret or large goes to the engine', async () => {
  const folder = await scratch();
  const wanted = ['package.json', 'package-lock.json', 'core/a.ts', 'core/b/c/d.ts', 'local/gateway.ts'];
  const kept = [
    ...[
      '.env',
      '.npmrc',
      '.git/config',
      '.aws/credentials',
      'node_modules/a/index.ts',
      '.disklane/signing-key',
    ],
    ...['images/disk.qcow2', 'core/.env', 'core/key.pem', 'local/images/disk.qcow2', 'local/demo/main.ts'],
    ...[
      'test/a.test.ts',
      '.cache/localstack/a.ts',
      'disk/reader/other.qcow2',
      'x.ts',
      'worker/heap.heapsnapshot',
    ],
  ];
  for (const file of [...wanted, ...kept]) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), '');
  }
  expect(await contextOf(folder)).toEqual(wanted.sort());

  const sent = await contextOf(repository);
  expect(sent).toContain('disk/reader/sample.qcow2');
  let bytes = 0;
  for (const file of sent) bytes += (await stat(join(repository, file))).size;
  expect(bytes).toBeLessThan(4 * 1024 ** 2);
});

test('the images, built by their steps, provision, submit, inspect and drain as another user', async () => {
  const endpoint = await openEndpoint();
  onTestFinished(() => endpoint.close());
  const root = await scratch();
  await chmod(root, 0o755);
  const node = join(root, 'node');
  await copyFile(process.execPath, node);
  const builder = new Builder(stages, root, await contextOf(repository));
  const images = { gateway: await builder.build('gateway'), worker: await builder.build('worker') };
  const folder = join(root, 'images');
  await mkdir(folder);
  await copyFile(sample.image, join(folder, 'disk.qcow2'));
  await mkdir(join(root, 'tmp'));
  await chmod(join(root, 'tmp'), 0o1777);
  const port = await freePort();

  const inContainer = (name: string, image: Image, command: readonly string[]): Program => {
    const here: Settings = {
      // What another network and file system change.
      PATH: `${root}:/usr/bin:/bin`,
      HOME: '/nonexistent',
      TMPDIR: join(root, 'tmp'),
      HOST: '127.0.0.1',
      PORT: String(port),
      DISKLANE_PUBLIC_URL: `http://127.0.0.1:${port}`,
      DISKLANE_AWS_ENDPOINT: endpoint.proxy.url,
      DISKLANE_AWS_PUBLIC_ENDPOINT: endpoint.s3Url,
      ...(name === 'worker' && { DISKLANE_IMAGE_ROOTS: folder }),
    };
    const settings = { ...image.environment, ...service(name).environment, ...here };
    return start('env', [`--chdir=${image.workdir}`, ...asUser(image.user), ...command], settings);
  };

  // The endpoint is only starting: provisioning waits for it.
  endpoint.proxy.spoil('DescribeTable', { status: 503, body: '{}' }, 4);
  const { entrypoint = [], command } = service('provision');
  const provision = inContainer('provision', images.gateway, [...entrypoint, ...command]);
  expect([await provision.ended, provision.stderr]).toEqual([0, '']);
  expect(provision.stdout).toMatch(/^waiting: .*DescribeTable[\s\S]*table disklane-.*: made$/m);

  const gateway = inContainer('gateway', images.gateway, images.gateway.entrypoint);
  const worker = inContainer('worker', images.worker, images.worker.entrypoint);
  await Promise.all([gateway.ready(), worker.ready()]);
  const url = `http://127.0.0.1:${port}`;
  expect(await call(`${url}/api/v1/health`)).toMatchObject({ status: 200, body: { success: true } });
  expect(await run(url, 'echo-0001', 'system.echo', { message: 'hello' })).toMatchObject({
    status: 'Completed',
  });
  const image = { path: join(folder, 'disk.qcow2') };
  expect(await run(url, 'inspect-0001', 'guestkit.inspect', { image })).toMatchObject({
    status: 'Completed',
  });
  const { data, download } = await resultOf(url, 'inspect-0001');
  expect(JSON.stringify(data)).toContain(sample.product);
  expect((await fetch(download.url)).status).toBe(200);

  const health = async (name: 'gateway' | 'worker') =>
    inContainer(name, images[name], images[name].health).ended;
  expect(await Promise.all([health('gateway'), health('worker')])).toEqual([0, 0]);
  expect(await Promise.all([worker.end('SIGTERM'), gateway.end('SIGTERM')])).toEqual([0, 0]);
  expect(await Promise.all([health('gateway'), health('worker')])).toEqual([1, 1]);
}, 120_000);

test('provisioning that shall wait until nobody knows when does not begin', async () => {
  const program = start(process.execPath, ['local/provision.ts', '--wait', 'long']);
  expect(await program.ended).toBe(1);
  expect(program.stderr).toBe('disklane: --wait: must be whole seconds, at most 9999\n');
});

/** The image's user without any capability, as where we are root; otherwise whoever runs the tests. */
function asUser(user: string): string[] {
  if (process.getuid?.() !== 0) return [];
  expect(user).toBe('node');
  // The number it has in Node's images.
  const as = ['--reuid', '1000', '--regid', '1000', '--clear-groups'];
  return ['setpriv', ...as, '--inh-caps=-all', '--bounding-set=-all', '--no-new-privs', '--'];
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
