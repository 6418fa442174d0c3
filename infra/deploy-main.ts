import { deploy } from './deploy.ts';
import { stackSettings } from './settings.ts';

// `npm run deploy`: creates the stack in the account and region of AWS's own settings, or updates it.
try {
  const { DISKLANE_CODE_BUCKET: codeBucket } = process.env;
  if (codeBucket === undefined) throw new Error('DISKLANE_CODE_BUCKET: must name a bucket for the code');
  const outputs = await deploy({ settings: stackSettings(process.env), codeBucket, say: console.error });
  for (const [name, value] of outputs) console.log(`${name} ${value}`);
} catch (error) {
  console.error(`disklane: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
