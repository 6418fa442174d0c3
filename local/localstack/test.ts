import { join } from 'node:path';
import { runCommand, sayTo } from '../emulator/command.ts';
import { startProcess } from '../emulator/process.ts';
import { ENDPOINT } from './environment.ts';
import { startLocalstack } from './start.ts';
import { warmDynamodb } from './warm.ts';

const repository = join(import.meta.dirname, '../..');

/** `npm run test:localstack`: the tests of the AWS platform against LocalStack, started for them or already there. */
await runCommand('test:localstack', async (signal) => {
  const say = sayTo('test:localstack');
  const localstack = await startLocalstack({ say, signal, output: 'log' });
  try {
    say(`the first call of DynamoDB took ${(await warmDynamodb(ENDPOINT, signal)).toFixed(1)} s`);
    return await runTests(signal);
  } finally {
    await localstack?.stop();
  }
});

/** Vitest's exit code. */
async function runTests(signal: AbortSignal): Promise<number> {
  signal.throwIfAborted();
  const vitest = [
    join(repository, 'node_modules/vitest/vitest.mjs'),
    ...['run', '--config', 'vitest.localstack.config.ts', ...process.argv.slice(2)],
  ];
  const tests = startProcess(process.execPath, vitest, {
    cwd: repository,
    env: { ...process.env, DISKLANE_TEST_AWS_ENDPOINT: ENDPOINT },
    output: 'inherit',
  });
  const onAbort = () => void tests.stop();
  signal.addEventListener('abort', onAbort);
  const ended = await tests.ended;
  signal.throwIfAborted();
  return typeof ended === 'number' ? ended : 1;
}
