import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { findDocker, pullImage, startContainer } from '../../../local/localstack/docker.ts';
import { scratch } from '../../support/scratch.ts';
import { scripts } from './support.ts';

const never = new AbortController().signal;

/** A client that writes down what it is asked, and answers `image inspect` and `pull` with these exit codes. */
async function client({
  inspect = 0,
  pull = 0,
}): Promise<{ docker: string; asked: () => Promise<string[]> }> {
  const calls = join(await scratch(), 'calls');
  const { PATH } = await scripts({
    docker: `echo "$*" >> ${calls}
case "$1" in
  image) exit ${inspect} ;;
  pull) echo "toomanyrequests" >&2; exit ${pull} ;;
  run) exec sleep 1000 ;;
esac`,
  });
  const asked = async () => (await readFile(calls, 'utf8').catch(() => '')).trimEnd().split('\n');
  return { docker: join(PATH, 'docker'), asked };
}

async function pulled(docker: string): Promise<string[]> {
  const said: string[] = [];
  const log = join(await scratch(), 'log');
  await pullImage(docker, { say: (line) => said.push(line), signal: never, log });
  return said;
}

test('an engine that answers is found', async () => {
  const { PATH } = await scripts({ docker: '[ "$1" = info ] && echo 28.0.1' });
  expect(await findDocker({ PATH })).toBe(join(PATH, 'docker'));
});

test.for([
  ['there is no client', {}],
  ['the engine does not answer', { docker: 'echo "Cannot connect to the Docker daemon" >&2; exit 1' }],
  ['the client says nothing of an engine', { docker: 'echo; exit 0' }],
] as const)('none is found when %s', async ([, bodies]) => {
  const { PATH } = await scripts(bodies);
  expect(await findDocker({ PATH })).toBeNull();
});

test('the image is pulled only when it is not there', async () => {
  const there = await client({ inspect: 0 });
  expect(await pulled(there.docker)).toEqual([]);
  expect(await there.asked()).toEqual(['image inspect localstack/localstack:4.14.0']);
  const absent = await client({ inspect: 1 });
  expect(await pulled(absent.docker)).toEqual(['pulling localstack/localstack:4.14.0 …']);
  expect(await absent.asked()).toEqual([
    'image inspect localstack/localstack:4.14.0',
    'pull localstack/localstack:4.14.0',
  ]);
});

test('a pull that fails says why', async () => {
  const { docker } = await client({ inspect: 1, pull: 1 });
  await expect(pulled(docker)).rejects.toThrow('toomanyrequests');
});

test('the container listens on the loopback only, checks presigned URLs, and goes by force at last', async () => {
  const { docker, asked } = await client({});
  const running = startContainer(docker, { file: join(await scratch(), 'log') });
  onTestFinished(() => running.stop());
  while ((await asked())[0] === '') await sleep(10);
  const [run = ''] = await asked();
  expect(run).toContain(' --publish 127.0.0.1:4566:4566 ');
  expect(run).toContain(' --env S3_SKIP_SIGNATURE_VALIDATION=0 ');
  expect(run).toMatch(/^run --rm --name (disklane-localstack-\d+) .* localstack\/localstack:4\.14\.0$/);
  const [name] = /disklane-localstack-\d+/.exec(run) ?? [];
  await running.stop();
  expect((await asked()).at(-1)).toBe(`rm --force ${name}`);
});
