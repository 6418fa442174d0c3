import { join } from 'node:path';
import { STAGE } from '../../infra/api.ts';
import { deploy } from '../../infra/deploy.ts';
import { stackSettings } from '../../infra/settings.ts';
import { runCommand, sayTo } from '../emulator/command.ts';
import { startProcess } from '../emulator/process.ts';
import { startMinistack } from '../ministack/start.ts';

const repository = join(import.meta.dirname, '../..');
const NAME = 'disklane-test';

/**
 * `npm run test:deployed`: deploys the stack as it is synthesized, and tests it through its API with a worker on
 * this host. On a MiniStack of its own, or where DISKLANE_TEST_ENDPOINT says: another emulator's URL, or `aws` for
 * the account of AWS's own settings, which then needs DISKLANE_API_SOURCES and DISKLANE_CODE_BUCKET.
 */
await runCommand('test:deployed', async (signal) => {
  const say = sayTo('test:deployed');
  const { DISKLANE_TEST_ENDPOINT: given } = process.env;
  const ministack = given === undefined ? await startMinistack({ say, signal }) : null;
  try {
    const endpoint = given === 'aws' ? undefined : (ministack?.endpoint ?? given);
    if (endpoint !== undefined) {
      // The SDK's own settings, for this process and those it starts; an emulator takes any.
      const any = { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
      Object.assign(process.env, any);
    }
    const settings = stackSettings({
      DISKLANE_STACK: NAME,
      DISKLANE_AWS_PREFIX: NAME,
      DISKLANE_API_AUTH: 'sources',
      DISKLANE_API_SOURCES: '127.0.0.0/8',
      ...process.env,
    });
    const codeBucket = process.env.DISKLANE_CODE_BUCKET ?? `${NAME}-code`;
    const outputs = await deploy({ settings, codeBucket, endpoint, say });
    const output = (name: string) => {
      const value = outputs.get(name);
      if (value === undefined) throw new Error(`the stack has no output ${name}`);
      return value;
    };
    const api =
      endpoint === undefined
        ? output('ApiUrl').replace(/\/$/, '')
        : `${endpoint}/_aws/execute-api/${output('ApiId')}/${STAGE}`;
    say(`testing ${api}`);
    return await runTests(signal, {
      DISKLANE_TEST_API: api,
      DISKLANE_TEST_WORKER: JSON.stringify({
        DISKLANE_PLATFORM: 'aws',
        DISKLANE_AWS_PREFIX: settings.prefix,
        DISKLANE_AWS_BUCKET: output('BucketName'),
        ...(endpoint !== undefined && { DISKLANE_AWS_ENDPOINT: endpoint }),
      }),
    });
  } finally {
    await ministack?.stop();
  }
});

/** Vitest's exit code. */
async function runTests(signal: AbortSignal, environment: NodeJS.ProcessEnv): Promise<number> {
  signal.throwIfAborted();
  const vitest = [
    join(repository, 'node_modules/vitest/vitest.mjs'),
    ...['run', '--config', 'vitest.deployed.config.ts', ...process.argv.slice(2)],
  ];
  const tests = startProcess(process.execPath, vitest, {
    cwd: repository,
    env: { ...process.env, ...environment },
    output: 'inherit',
  });
  const onAbort = () => void tests.stop();
  signal.addEventListener('abort', onAbort);
  const ended = await tests.ended;
  signal.throwIfAborted();
  return typeof ended === 'number' ? ended : 1;
}
