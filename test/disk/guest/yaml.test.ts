import { describe, expect, test } from 'vitest';
import { linesOf } from '../../../disk/guest/text.ts';
import { parseYaml, type Yaml, YamlError } from '../../../disk/guest/yaml.ts';

const parse = (text: string) => plain(parseYaml(linesOf(Buffer.from(text))));

/** Maps as lists of pairs, which compare by value and in order. */
function plain(value: Yaml): unknown {
  if (value instanceof Map) return [...value].map(([key, item]) => [key, plain(item)]);
  return Array.isArray(value) ? value.map(plain) : value;
}

describe('reads', () => {
  test.each([
    ['', null],
    ['---\na: 1\n', [['a', '1']]],
    [
      'a: yes # comment\nb: x#y\nc: "#"\n',
      [
        ['a', 'yes'],
        ['b', 'x#y'],
        ['c', '#'],
      ],
    ],
    [
      'a:\n  b:\n    c: d\n  e: f\ng: h\n',
      [
        [
          'a',
          [
            ['b', [['c', 'd']]],
            ['e', 'f'],
          ],
        ],
        ['g', 'h'],
      ],
    ],
    ['a:\n  - 1\n  - 2\n', [['a', ['1', '2']]]],
    [
      'a:\n- 1\n- 2\nb: 3\n',
      [
        ['a', ['1', '2']],
        ['b', '3'],
      ],
    ],
    [
      '- a: 1\n  b: 2\n- c: 3\n',
      [
        [
          ['a', '1'],
          ['b', '2'],
        ],
        [['c', '3']],
      ],
    ],
    ['-\n  a: 1\n', [[['a', '1']]]],
    ['- - 1\n  - 2\n- 3\n', [['1', '2'], '3']],
    [
      'a: [1, "2, x", [3, 4]]\nb: []\n',
      [
        ['a', ['1', '2, x', ['3', '4']]],
        ['b', []],
      ],
    ],
    [
      'a: {b: 1, c: [d], e: }\n',
      [
        [
          'a',
          [
            ['b', '1'],
            ['c', ['d']],
            ['e', null],
          ],
        ],
      ],
    ],
    [
      'a: ~\nb: null\nc:\n',
      [
        ['a', null],
        ['b', null],
        ['c', null],
      ],
    ],
    [
      'a: \'it\'\'s\'\n"b c": "q\\"q"\n',
      [
        ['a', "it's"],
        ['b c', 'q"q'],
      ],
    ],
    [
      'to: 0.0.0.0/0\nvia: 2001:db8::1\nmac: 52:54:00:aa:bb:cc\n',
      [
        ['to', '0.0.0.0/0'],
        ['via', '2001:db8::1'],
        ['mac', '52:54:00:aa:bb:cc'],
      ],
    ],
    ['a: [fe80::1/64, ::1]\n', [['a', ['fe80::1/64', '::1']]]],
    ['"2001:db8::1/64":\n  x: 1\n', [['2001:db8::1/64', [['x', '1']]]]],
    ['- "10.0.0.1/24":\n    label: x\n- 10.0.0.2/24\n', [[['10.0.0.1/24', [['label', 'x']]]], '10.0.0.2/24']],
    [
      '__proto__: 1\nconstructor: 2\n',
      [
        ['__proto__', '1'],
        ['constructor', '2'],
      ],
    ],
    ['a: 1\na: 2\n', [['a', '2']]],
    ['plain text\n', 'plain text'],
  ])('%j', (text, expected) => {
    expect(parse(text)).toEqual(expected);
  });
});

describe('refuses, with the line', () => {
  test.each([
    ['a: &anchor 1\n', 1],
    ['a: 1\nb: *anchor\n', 2],
    ['a: !!str 1\n', 1],
    ['a: |\n  text\n', 1],
    ['a: b\n  c: d\n', 2],
    ['\ta: 1\n', 1],
    ['a:\n\tb: 1\n', 2],
    ['a: "open\n', 1],
    ['a: [1, 2\n', 1],
    ['a: [1] 2\n', 1],
    ['a: {[x]: 1}\n', 1],
    ['? a\n: b\n', 1],
    ['a: 1\njust text\n', 2],
    ['a: 1\n---\nb: 2\n', 2],
    [`a: ${'['.repeat(100)}\n`, 1],
    [`${Array.from({ length: 100 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')}\n`, 34],
    [`${'- '.repeat(100)}x\n`, 1],
  ])('%j', (text, line) => {
    expect(() => parse(text)).toThrow(YamlError);
    expect(() => parse(text)).toThrow(`line ${line}:`);
  });
});

// Anything quadratic in these would run for hours, past the test's own time-out.
test('ends on long lines and many of them', () => {
  parse(`a: ${' '.repeat(500_000)}x\n${'b '.repeat(200_000)}: 1\n${'c:'.repeat(200_000)}\n`);
  const many = parse(Array.from({ length: 100_000 }, (_, i) => `k${i}: [a, b]`).join('\n'));
  expect(many).toHaveLength(100_000);
});
