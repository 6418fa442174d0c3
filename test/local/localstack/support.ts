import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { scratch } from '../../support/scratch.ts';

/** A folder of shell scripts under these names, which is all that PATH leads to. */
export async function scripts(bodies: Record<string, string>): Promise<{ folder: string; PATH: string }> {
  const folder = await scratch();
  const bin = join(folder, 'bin');
  await mkdir(bin);
  for (const [name, body] of Object.entries(bodies)) {
    await writeFile(join(bin, name), `#!/bin/sh\n${body}\n`);
    await chmod(join(bin, name), 0o755);
  }
  return { folder, PATH: bin };
}
