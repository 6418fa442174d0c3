import { aborted, runCommand } from '../../../../local/emulator/command.ts';
import { EmulatorError } from '../../../../local/emulator/error.ts';

/** A command that ends as it is told. */
const [how = ''] = process.argv.slice(2);
await runCommand('command', async (signal) => {
  if (how === 'fails') throw new EmulatorError('there is no such thing');
  if (how === 'code') return 3;
  console.log('ready');
  // What it started would keep Node from ending by itself.
  setInterval(() => {}, 1000);
  await aborted(signal);
  if (how === 'hangs') await new Promise((resolve) => setTimeout(resolve, 1_000_000));
  if (how === 'throws') signal.throwIfAborted();
  return 0;
});
