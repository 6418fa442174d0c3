import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openSteps } from '../../../../local/emulator/steps.ts';

/** A set-up whose one step writes half of what it makes, says so, and never ends. */
const [root = ''] = process.argv.slice(2);
const steps = await openSteps(root, { say: () => {}, signal: new AbortController().signal });
await steps.do({
  id: 'install',
  doing: 'installing',
  inputs: ['1'],
  async run(folder) {
    await writeFile(join(folder, 'half'), '');
    console.log('half done');
    await new Promise((resolve) => setTimeout(resolve, 1_000_000));
  },
});
