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

test.for([
  'process',
  'globalThis',
  'global',
  'import(',
  'eval(',
  'Function(',
  'fetch(',
  'WebSocket',
  'EventSource',
  'module',
  '__filename',
  'constructor.constructor',
])('it does not name %s', (word) => {
  const code = script.replaceAll(/^\s*(\/\/|\*|\/\*).*$/gm, '');
  const escaped = word.replaceAll(/[.()]/g, '\\$&');
  expect(code).not.toMatch(new RegExp(`(?<![\\w.'"\`])${escaped}${/\w$/.test(word) ? '(?![\\w:])' : ''}`));
});
