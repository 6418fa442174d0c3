import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { startProcess } from '../emulator/process.ts';
import { findPython } from '../emulator/python.ts';
import { type Started, type StartOptions, whenHealthy } from '../emulator/started.ts';
import { openSteps } from '../emulator/steps.ts';
import { venvStep } from '../emulator/venv.ts';

/** It speaks LocalStack's API and runs Lambda functions without Docker; its results go by its own name. */
export const MINISTACK = { name: 'MiniStack', version: '1.5.33' } as const;

const ROOT = join(import.meta.dirname, '../../.cache/ministack');

const OLDEST_PYTHON_MINOR = 11;

/**
 * Starts MiniStack from PyPI, set up once, on a free port of the loopback. Its Lambda functions run on this Node,
 * whatever runtime they name: it takes the first on PATH. Its log is .cache/ministack/ministack.log.
 */
export async function startMinistack({ say, signal }: StartOptions): Promise<Started> {
  const venv = await install({ say, signal });
  const port = String(await freePort());
  const run = join(ROOT, `run-${port}`);
  await mkdir(join(run, 'tmp'), { recursive: true });
  // It runs functions by a CommonJS script below this folder, which our own package.json would make a module.
  await writeFile(join(run, 'package.json'), '{}');
  say(`starting MiniStack ${MINISTACK.version}`);
  const output = { file: join(ROOT, 'ministack.log') };
  const starting = startProcess(join(venv, 'bin/ministack'), [], {
    cwd: run,
    env: {
      PATH: [dirname(process.execPath), join(venv, 'bin'), process.env.PATH ?? ''].join(':'),
      HOME: run,
      TMPDIR: join(run, 'tmp'),
      LANG: 'C.UTF-8',
      GATEWAY_PORT: port,
      EDGE_PORT: port,
      MINISTACK_HOST: '127.0.0.1',
      // It would listen on every interface.
      BIND_HOST: '127.0.0.1',
      LAMBDA_EXECUTOR: 'local',
    },
    output,
    lastly: ['rm', '-rf', run],
  });
  return whenHealthy(`http://127.0.0.1:${port}`, MINISTACK, starting, output, signal);
}

async function install({ say, signal }: StartOptions): Promise<string> {
  const python = await findPython(OLDEST_PYTHON_MINOR);
  const steps = await openSteps(ROOT, { say, signal });
  try {
    const requirements = join(import.meta.dirname, 'requirements.txt');
    const log = join(ROOT, 'setup.log');
    const what = `MiniStack ${MINISTACK.version}`;
    return await steps.do(await venvStep(python, { what, requirements, log }));
  } finally {
    steps.close();
  }
}

/** Free when it was asked for; a start that finds it taken since fails by name. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return address.port;
}
