import { mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type ProcessOptions, type Running, startProcess } from '../emulator/process.ts';
import type { StartOptions } from '../emulator/started.ts';
import { openSteps } from '../emulator/steps.ts';
import { venvStep } from '../emulator/venv.ts';
import { dynamodbStep } from './dynamodb.ts';
import { settings } from './environment.ts';
import { findPrerequisites } from './prerequisites.ts';

/** What set-up has made, and where LocalStack may write. */
export type Installed = {
  readonly root: string;
  readonly venv: string;
  readonly dynamodb: string;
  readonly javaHome: string;
};

/** Sets LocalStack up without Docker, once: from PyPI, with DynamoDB Local from Maven Central. */
export async function install(root: string, { say, signal }: StartOptions): Promise<Installed> {
  const found = await findPrerequisites();
  const steps = await openSteps(root, { say, signal });
  try {
    const requirements = join(import.meta.dirname, 'requirements.txt');
    const log = join(root, 'setup.log');
    const venv = await steps.do(
      await venvStep(found.python, { what: 'LocalStack 4.14.0', requirements, log }),
    );
    const dynamodb = await steps.do(await dynamodbStep(found, { log }));
    return { root, venv, dynamodb, javaHome: found.javaHome };
  } finally {
    steps.close();
  }
}

/** Starts it on an empty file system of its own. */
export async function startInstalled(
  { root, venv, dynamodb, javaHome }: Installed,
  output: ProcessOptions['output'],
): Promise<Running> {
  const run = join(root, 'run');
  const lib = join(run, 'fs/var/lib/localstack/lib');
  await rm(run, { recursive: true, force: true });
  for (const folder of ['home', 'fs/var/lib/localstack/lib/java']) {
    await mkdir(join(run, folder), { recursive: true });
  }
  // LocalStack asks for version 21; DynamoDB Local is content with 17.
  await symlink(javaHome, join(lib, 'java/21'));
  await mkdir(join(lib, 'dynamodb-local'));
  await symlink(dynamodb, join(lib, 'dynamodb-local/2'));
  return startProcess(join(venv, 'bin/python'), [join(import.meta.dirname, 'run.py')], {
    cwd: run,
    // Nothing of the caller's environment: LocalStack has a setting for nearly everything, and reads AWS's own.
    env: {
      PATH: `${join(venv, 'bin')}:${process.env.PATH ?? ''}`,
      HOME: join(run, 'home'),
      LANG: 'C.UTF-8',
      ...settings,
      GATEWAY_LISTEN: '127.0.0.1:4566',
      FILESYSTEM_ROOT: join(run, 'fs'),
      // In a VM it believes itself in a container, and then ignores FILESYSTEM_ROOT.
      OVERRIDE_IN_DOCKER: '0',
    },
    output,
    lastly: ['rm', '-rf', run],
  });
}
