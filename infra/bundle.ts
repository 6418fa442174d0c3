import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { FunctionName } from './functions.ts';
import { zip } from './zip.ts';

/** The largest bundle, in bytes: a cold start reads and compiles all of it. */
export const BUNDLE_LIMIT = 1.5 * 1000 * 1000;

export type Bundle = {
  readonly name: FunctionName;
  /** The ES module, minified. */
  readonly code: Uint8Array;
  /** The object the function's code is uploaded as; named by its content, so that a change is seen. */
  readonly key: string;
  readonly archive: Uint8Array;
};

// The SDK's CommonJS parts ask for `require`, which an ES module has not.
const banner = `import{createRequire}from'node:module';const require=createRequire(import.meta.url);`;

/** Bundles the functions, each with the SDK inside, as one module. Throws an Error when one is above the limit. */
export async function bundleFunctions(names: readonly FunctionName[]): Promise<readonly Bundle[]> {
  return Promise.all(names.map(bundleFunction));
}

async function bundleFunction(name: FunctionName): Promise<Bundle> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`../functions/lambda/${name}.ts`, import.meta.url))],
    bundle: true,
    write: false,
    minify: true,
    // Names of classes are in logs and in the SDK's errors.
    keepNames: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    mainFields: ['module', 'main'],
    banner: { js: banner },
    legalComments: 'none',
    logLevel: 'silent',
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error(`esbuild gave no output for ${name}`);
  const code = file.contents;
  if (code.length > BUNDLE_LIMIT) {
    throw new Error(`the bundle of ${name} has ${code.length} bytes, above ${BUNDLE_LIMIT}`);
  }
  const hash = createHash('sha256').update(code).digest('hex').slice(0, 32);
  return {
    name,
    code,
    key: `functions/${name}-${hash}.zip`,
    archive: zip([{ name: 'index.mjs', bytes: code }]),
  };
}
