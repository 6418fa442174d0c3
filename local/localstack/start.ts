import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { EmulatorError } from '../emulator/error.ts';
import { nameOf, requireEmulator, whoAnswers } from '../emulator/health.ts';
import type { ProcessOptions } from '../emulator/process.ts';
import { type Started, type StartOptions, whenHealthy } from '../emulator/started.ts';
import { findDocker, pullImage, startContainer } from './docker.ts';
import { ENDPOINT, LOCALSTACK } from './environment.ts';
import { install, startInstalled } from './pypi.ts';

const ROOT = join(import.meta.dirname, '../../.cache/localstack');

/**
 * A LocalStack on 127.0.0.1:4566: null when one of the wanted version is there already; else from Docker's image, where
 * an engine runs and has it or can pull it; else from PyPI, set up once.
 */
export async function startLocalstack(
  options: StartOptions & { readonly output: 'inherit' | 'log' },
): Promise<Started | null> {
  const { say, signal } = options;
  const there = await whoAnswers(ENDPOINT);
  if (there !== null) {
    requireEmulator(there, LOCALSTACK, ENDPOINT);
    say(`${nameOf(LOCALSTACK)} is at ${ENDPOINT} already`);
    return null;
  }
  await mkdir(ROOT, { recursive: true });
  const output = options.output === 'inherit' ? 'inherit' : { file: join(ROOT, 'localstack.log') };
  const starting = (await fromDocker(output, options)) ?? (await fromPypi(output, options));
  return whenHealthy(ENDPOINT, LOCALSTACK, starting, output, signal);
}

async function fromDocker(output: ProcessOptions['output'], { say, signal }: StartOptions) {
  const docker = await findDocker();
  if (docker === null) return null;
  try {
    await pullImage(docker, { say, signal, log: join(ROOT, 'pull.log') });
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof EmulatorError)) throw error;
    say(`${error.message}\ngoing on without Docker`);
    return null;
  }
  say(`starting ${nameOf(LOCALSTACK)} in Docker`);
  return startContainer(docker, output);
}

async function fromPypi(output: ProcessOptions['output'], options: StartOptions) {
  const installed = await install(ROOT, options);
  options.say(`starting ${nameOf(LOCALSTACK)} without Docker`);
  return startInstalled(installed, output);
}
