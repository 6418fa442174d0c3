import { fileURLToPath } from 'node:url';

const entry = fileURLToPath(new URL('../../disk/reader/child.ts', import.meta.url));

/**
 * The reader child as one CommonJS script, made from disk/ (or another `entryPoint`) in some 50 ms, 300 ms when
 * the machine has not run esbuild before. It is handed over on standard input, so that the child needs no right
 * to read any file. CommonJS starts 3 ms sooner than a module; nothing is minified, so that a test can check
 * what it uses and a stack trace says where it failed.
 *
 * esbuild is loaded only here, and its own process ended again: it would stay with 13 MB.
 */
export async function bundleReader(entryPoint: string = entry): Promise<string> {
  const { build, stop } = await import('esbuild');
  try {
    const { outputFiles } = await build({
      entryPoints: [entryPoint],
      bundle: true,
      write: false,
      platform: 'node',
      target: 'node24',
      format: 'cjs',
      legalComments: 'none',
      logLevel: 'silent',
    });
    const [script] = outputFiles;
    if (script === undefined) throw new Error('esbuild gave no output');
    return script.text;
  } finally {
    await stop();
  }
}
