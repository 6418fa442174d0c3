import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

/** What each folder may import beside itself and Node's own modules: our folders or single files, and packages by name. */
const rules: Record<
  string,
  { folders: readonly string[]; packages: readonly string[]; node?: readonly string[] }
> = {
  // Node's modules in core: hashing and bytes only. Core has no clock, no files, no network.
  core: { folders: [], packages: ['zod'], node: ['node:crypto', 'node:buffer'] },
  disk: { folders: [], packages: [], node: ['node:fs', 'node:zlib', 'node:crypto'] },
  'platform/embedded': { folders: ['core'], packages: ['zod'] },
  'platform/aws': {
    folders: ['core'],
    packages: [
      '@aws-sdk/client-dynamodb',
      '@aws-sdk/client-s3',
      '@aws-sdk/client-sqs',
      '@aws-sdk/s3-request-presigner',
      '@smithy/node-http-handler',
      '@smithy/types',
      'zod',
    ],
  },
  worker: { folders: ['core', 'disk'], packages: ['zod', 'esbuild'] },
  'functions/lambda': {
    folders: ['core', 'functions', 'platform/aws'],
    packages: ['hono', '@aws-lambda-powertools/logger', 'zod'],
  },
  functions: { folders: ['core'], packages: ['hono', '@hono/zod-openapi', 'zod'] },
  infra: {
    folders: ['platform/aws/resources.ts', 'functions/routes.ts', 'functions/errors.ts'],
    packages: [
      '@aws-sdk/client-cloudformation',
      '@aws-sdk/client-s3',
      'aws-cdk-lib',
      'cdk-nag',
      'constructs',
      'esbuild',
      'zod',
    ],
  },
  local: {
    folders: ['core', 'disk', 'functions', 'worker'],
    packages: ['hono', '@hono/node-server', 'zod'],
  },
};

/** The only files that put a platform and the rest together. */
const entries: Record<string, readonly string[]> = {
  'worker/platform.ts': ['platform/embedded', 'platform/aws'],
  'local/provision.ts': ['platform/aws'],
  'local/deployed/test.ts': ['infra'],
  // The settings that gateway and worker share.
  'functions/lambda/context.ts': ['worker/settings.ts'],
};

type Import = { readonly file: string; readonly target: string };

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const found = text.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)(['"])([^'"\n]+)\1/g);
  return [...found].map(([, , target = '']) => ({ file, target }));
}

function folderOf(path: string): string | undefined {
  return Object.keys(rules).find((folder) => path === folder || path.startsWith(`${folder}/`));
}

/** The arrow that an import draws and may not, in words; null when it is allowed. */
function objection({ file, target }: Import): string | null {
  const folder = folderOf(file);
  const rule = folder === undefined ? undefined : rules[folder];
  if (folder === undefined || rule === undefined) return `${file} lies in no folder of the map`;
  if (target.startsWith('node:')) {
    return rule.node === undefined || rule.node.includes(target) ? null : `${file} imports ${target}`;
  }
  if (target.startsWith('.')) {
    const path = relative(root, resolve(root, dirname(file), target));
    if (path === 'package.json') return null;
    const other = folderOf(path);
    const allowed = [folder, ...rule.folders, ...(entries[file] ?? [])];
    return (other !== undefined && allowed.includes(other)) || allowed.includes(path)
      ? null
      : `${file} imports ${path}`;
  }
  const name = target
    .split('/')
    .slice(0, target.startsWith('@') ? 2 : 1)
    .join('/');
  return rule.packages.includes(name) ? null : `${file} imports ${target}`;
}

for (const folder of Object.keys(rules)) {
  test(`${folder}/ imports only what lies below it`, () => {
    const files = sources(folder);
    expect(files.length).toBeGreaterThan(0);
    expect(files.flatMap(importsOf).flatMap((one) => objection(one) ?? [])).toEqual([]);
  });
}

test('an arrow that points up is seen', () => {
  expect(objection({ file: 'core/ports.ts', target: '../worker/loop.ts' })).toBe(
    'core/ports.ts imports worker/loop.ts',
  );
  expect(objection({ file: 'core/ports.ts', target: 'node:fs' })).toBe('core/ports.ts imports node:fs');
  expect(objection({ file: 'worker/loop.ts', target: '../platform/embedded/platform.ts' })).not.toBeNull();
  expect(objection({ file: 'disk/inspect.ts', target: 'zod' })).toBe('disk/inspect.ts imports zod');
});
