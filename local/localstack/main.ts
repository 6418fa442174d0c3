import { aborted, runCommand, sayTo } from '../emulator/command.ts';
import { EmulatorError } from '../emulator/error.ts';
import { nameOf } from '../emulator/health.ts';
import { LOCALSTACK } from './environment.ts';
import { startLocalstack } from './start.ts';

/** `npm run localstack`: LocalStack in the foreground, until SIGTERM or SIGINT. */
await runCommand('localstack', async (signal) => {
  const localstack = await startLocalstack({ say: sayTo('localstack'), signal, output: 'inherit' });
  if (localstack === null) return 0;
  console.log(`${nameOf(LOCALSTACK)} ready on ${localstack.endpoint}`);
  const died = localstack.ended.then((how) => {
    if (!signal.aborted) throw new EmulatorError(`${nameOf(LOCALSTACK)} ended with ${how}`);
  });
  await Promise.race([aborted(signal), died]);
  await localstack.stop();
  return 0;
});
