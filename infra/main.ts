import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleFunctions } from './bundle.ts';
import { functionNames } from './functions.ts';
import { stackSettings } from './settings.ts';
import { keysOf, synthesize } from './synth.ts';

// `npm run synth`: the template and the functions' archives, in .cache/infra. docs/aws.md says how to deploy them.
try {
  const settings = stackSettings(process.env);
  const bundles = await bundleFunctions(functionNames);
  const out = join(import.meta.dirname, '../.cache/infra');
  for (const { key, archive, code, name } of bundles) {
    await mkdir(join(out, 'functions'), { recursive: true });
    await writeFile(join(out, key), archive);
    console.log(
      `${key}: ${name}, ${Math.round(code.length / 1000)} kB, ${Math.round(archive.length / 1000)} kB packed`,
    );
  }
  const { file } = synthesize(settings, keysOf(bundles), join(out, 'cdk.out'));
  console.log(file);
} catch (error) {
  console.error(`disklane: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
