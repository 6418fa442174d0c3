import { expect, test } from 'vitest';
import { fingerprint } from '../../../core/job/fingerprint.ts';
import { sampleDocument } from '../support/samples.ts';

test('is SHA-256 over canonical JSON', () => {
  // printf '{"a":[2,1],"b":{"c":null}}' | sha256sum
  expect(fingerprint({ b: { c: null }, a: [2, 1] })).toBe(
    '52249740ae708cf14bdf8295191c28901047fe18c53b88787ec18eb4aa676799',
  );
});

test('does not depend on the order of keys, at any depth', () => {
  expect(fingerprint({ a: 1, b: { x: [{ p: 1, q: 2 }], y: 2 } })).toBe(
    fingerprint({ b: { y: 2, x: [{ q: 2, p: 1 }] }, a: 1 }),
  );
});

test.each([
  [{ a: [1, 2] }, { a: [2, 1] }],
  [{ a: 1 }, { a: '1' }],
  [{ a: {} }, { a: [] }],
  [{ a: null }, {}],
  [{ a: { b: 1 } }, { 'a.b': 1 }],
  [{ é: 1 }, { 'e\u0301': 1 }],
])('tells %j from %j', (a, b) => {
  expect(fingerprint(a)).not.toBe(fingerprint(b));
});

test('counts a key called __proto__ like any other', () => {
  const of = (text: string) => fingerprint(JSON.parse(text));
  expect(of('{"a":{"__proto__":{"x":1}}}')).not.toBe(of('{"a":{}}'));
  expect(of('{"__proto__":1,"b":2}')).toBe(of('{"b":2,"__proto__":1}'));
});

test('of a document does not change with what is spelled out of its defaults', () => {
  expect(
    fingerprint(sampleDocument({ execution: { priority: 5 }, metadata: { namespace: 'default' } })),
  ).toBe(fingerprint(sampleDocument()));
  expect(fingerprint(sampleDocument({ execution: { priority: 6 } }))).not.toBe(fingerprint(sampleDocument()));
});
