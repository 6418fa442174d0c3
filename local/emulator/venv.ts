import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Python } from './python.ts';
import type { Step } from './steps.ts';
import { runTool } from './tool.ts';

/**
 * A virtual environment with exactly the packages of a requirements file, each checked by its hash. pip's own settings
 * (an index, a proxy, certificates) are whoever runs it has.
 */
export async function venvStep(
  python: Python,
  { what, requirements, log }: { what: string; requirements: string; log: string },
): Promise<Step> {
  return {
    id: 'venv',
    doing: `installing ${what} with Python ${python.version}`,
    inputs: [python.file, python.version, await readFile(requirements, 'utf8')],
    async run(folder, signal) {
      const env = { ...process.env, PYTHONNOUSERSITE: '1' };
      await runTool(python.file, ['-I', '-m', 'venv', folder], { log, env, signal });
      const pip = ['-I', '-m', 'pip', 'install', '--no-input', '--require-hashes', '-r', requirements];
      await runTool(join(folder, 'bin/python'), pip, { log, env, signal });
    },
  };
}
