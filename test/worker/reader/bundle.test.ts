import { transform } from 'esbuild';
import { expect, test } from 'vitest';
import { bundleReader } from '../../../worker/reader/bundle.ts';

const script = await bundleReader();
const allowed = new Map([
  // Calls on descriptors only.
  ['node:fs', ['readSync', 'writeSync']],
  ['node:zlib', null],
  ['node:crypto', null],
]);

test('the child requires only fs, zlib and crypto', () => {
  const required = [...script.matchAll(/require\(([^)]*)\)/g)].map(([, what]) => what?.slice(1, -1));
  expect(required.length).toBe([...script.matchAll(/\brequire\b/g)].length);
  expect(required.filter((name) => !allowed.has(name ?? ''))).toEqual([]);
});

test('of fs it uses only reads and writes on descriptors', () => {
  const uses = [...script.matchAll(/import_node_fs\d*\b(?! = require\("node:fs"\);)(\.\w+)?/g)].map(
    ([, use]) => use,
  );
  expect(uses.length).toBeGreaterThan(1);
  expect([...new Set(uses)].sort()).toEqual(['.readSync', '.writeSync']);
});

test('it names no global that reaches further than computing', async () => {
  const names = [
    ...['process', 'globalThis', 'global', 'module', 'exports', 'eval', 'Function', 'fetch', 'WebSocket'],
    ...[
      'EventSource',
      'Worker',
      'WebAssembly',
      'navigator',
      'localStorage',
      'setTimeout',
      '__filename',
      '__dirname',
    ],
  ];
  // esbuild's define replaces a name only where it is free, not a variable of the code's own.
  const define = Object.fromEntries(names.map((name) => [name, `free_${name}`]));
  const marked = async (code: string) => [
    ...new Set([...(await transform(code, { define })).code.matchAll(/\bfree_\w+/g)].map(([name]) => name)),
  ];
  expect(await marked('const module = 1; f(module, process.env, eval(1)); a.process')).toEqual([
    'free_process',
    'free_eval',
  ]);
  expect(await marked(script)).toEqual([]);
  expect(script).not.toMatch(/\bimport\s*\(|\.constructor\.constructor|\bwith\s*\(/);
});
