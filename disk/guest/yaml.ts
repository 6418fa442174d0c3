import { type Name, textOf } from '../name.ts';
import { part, trimmed, trimmedEnd } from './text.ts';

/** A YAML value of text only: numbers and booleans stay as written. Keys are in a Map, whatever they are. */
export type Yaml = Name | readonly Yaml[] | ReadonlyMap<Name, Yaml> | null;

/** What is not read, by line; the caller makes a warning of it. */
export class YamlError extends Error {
  constructor(line: number, expected: string) {
    super(`line ${line}: ${expected}`);
    this.name = 'YamlError';
  }
}

type Line = { readonly number: number; readonly indent: number; readonly text: string };

const maxDepth = 32;

/**
 * Reads the YAML that configuration files are written in: block mappings and sequences, flow ones on one line,
 * plain and quoted scalars, comments, one document. Anchors, tags, block scalars (`|`, `>`), scalars of several
 * lines and complex keys are refused. A library would do more, but the `yaml` package brings `buffer` and
 * `process` into the reader's bundle, and js-yaml puts the guest's keys on objects.
 * @throws YamlError
 */
export function parseYaml(lines: readonly Name[]): Yaml {
  const reader = new Reader(lines);
  const value = reader.block(0, 0);
  reader.end();
  return value;
}

/** The value under a key, or null where the value is no mapping or has none. */
export function at(value: Yaml, key: string): Yaml {
  return value instanceof Map ? (value.get(part(key)) ?? null) : null;
}

class Reader {
  readonly #lines: Line[] = [];
  #next = 0;

  constructor(lines: readonly Name[]) {
    lines.forEach((raw, index) => {
      const text = trimmedEnd(withoutComment(raw));
      const started = this.#lines.length > 0;
      if (text === '' || (text === '---' && !started)) return;
      const indent = text.length - text.replace(/^ +/, '').length;
      if (text.charAt(indent) === '\t') throw new YamlError(index + 1, 'a tab indents');
      this.#lines.push({ number: index + 1, indent, text: text.slice(indent) });
    });
  }

  end(): void {
    const line = this.#lines[this.#next];
    if (line !== undefined) throw new YamlError(line.number, 'this line belongs to nothing above it');
  }

  /** The value in the lines indented by at least `indent`. */
  block(indent: number, depth: number): Yaml {
    const line = this.#lines[this.#next];
    if (line === undefined || line.indent < indent) return null;
    if (depth > maxDepth) throw new YamlError(line.number, `nested deeper than ${maxDepth}`);
    if (/^-( |$)/.test(line.text)) return this.#sequence(line.indent, depth);
    if (keyOf(line) !== null) return this.#mapping(line.indent, depth);
    this.#next++;
    return inline(line, line.text, depth);
  }

  #sequence(indent: number, depth: number): Yaml {
    const items: Yaml[] = [];
    for (let line = this.#lines[this.#next]; line?.indent === indent; line = this.#lines[this.#next]) {
      if (!/^-( |$)/.test(line.text)) break;
      const rest = trimmed(line.text.slice(1));
      if (rest === '') {
        this.#next++;
        items.push(this.block(indent + 1, depth + 1));
      } else {
        // `- key: value` begins a mapping whose further keys stand below `key`: the item is a line of its own.
        const inner = { ...line, indent: indent + line.text.length - rest.length, text: rest };
        this.#lines[this.#next] = inner;
        items.push(this.block(inner.indent, depth + 1));
      }
    }
    return items;
  }

  #mapping(indent: number, depth: number): Yaml {
    const map = new Map<Name, Yaml>();
    for (let line = this.#lines[this.#next]; line?.indent === indent; line = this.#lines[this.#next]) {
      const found = keyOf(line);
      if (found === null) break;
      this.#next++;
      if (found.rest !== '') {
        map.set(found.key, inline(line, found.rest, depth + 1));
        continue;
      }
      // A sequence may stand at its key's own indentation.
      const below = this.#lines[this.#next];
      const sameLevel = below?.indent === indent && /^-( |$)/.test(below.text);
      map.set(found.key, this.block(sameLevel ? indent : indent + 1, depth + 1));
    }
    return map;
  }
}

/** `key:` or `key: value`, the key plain or quoted; null where the line is no such thing. */
function keyOf({ text, number }: Line): { key: Name; rest: string } | null {
  if (text.startsWith('? ')) throw new YamlError(number, 'complex keys are not read');
  const first = text.charAt(0);
  if ('[{&*!|>%@`'.includes(first)) return null;
  const quoted = first === '"' || first === "'";
  const from = quoted ? text.indexOf(first, 1) + 1 : 0;
  if (quoted && from === 0) return null;
  for (let colon = text.indexOf(':', from); colon >= 0; colon = text.indexOf(':', colon + 1)) {
    if (colon + 1 < text.length && text.charAt(colon + 1) !== ' ') continue;
    const key = trimmed(text.slice(0, colon));
    return { key: quoted ? part(key.slice(1, -1)) : key, rest: trimmed(text.slice(colon + 1)) };
  }
  return null;
}

function inline(line: Line, text: string, depth: number): Yaml {
  const flow = new Flow(line, text);
  const value = flow.value(depth, '');
  flow.end();
  return value;
}

/** A value within one line: a scalar, or a flow sequence or mapping of such. */
class Flow {
  readonly #line: Line;
  readonly #text: string;
  #at = 0;

  constructor(line: Line, text: string) {
    this.#line = line;
    this.#text = text;
  }

  #refuse(what: string): YamlError {
    return new YamlError(this.#line.number, what);
  }

  #skip(): string {
    while (this.#text.charAt(this.#at) === ' ') this.#at++;
    return this.#text.charAt(this.#at);
  }

  end(): void {
    if (this.#skip() !== '') throw this.#refuse(`nothing may follow a value: ${textOf(part(this.#text))}`);
  }

  /** `stops` are the characters that end a plain scalar here. */
  value(depth: number, stops: string): Yaml {
    if (depth > maxDepth) throw this.#refuse(`nested deeper than ${maxDepth}`);
    const first = this.#skip();
    if (first === '[') return this.#list(depth);
    if (first === '{') return this.#map(depth);
    if (first === '"' || first === "'") return this.#quoted(first);
    if ('&*!|>%@`'.includes(first) && first !== '') {
      throw this.#refuse(`anchors, tags and block scalars are not read: ${first}`);
    }
    return this.#plain(stops);
  }

  #plain(stops: string): Yaml {
    const from = this.#at;
    while (this.#at < this.#text.length && !stops.includes(this.#text.charAt(this.#at))) {
      if (stops !== '' && this.#text.startsWith(': ', this.#at)) break;
      this.#at++;
    }
    const scalar = trimmedEnd(this.#text.slice(from, this.#at));
    return scalar === '' || scalar === '~' || scalar === 'null' ? null : part(scalar);
  }

  #quoted(quote: string): Name {
    let out = '';
    for (this.#at++; this.#at < this.#text.length; this.#at++) {
      const c = this.#text.charAt(this.#at);
      if (c === '\\' && quote === '"') out += this.#text.charAt(++this.#at);
      else if (c !== quote) out += c;
      else if (quote === "'" && this.#text.charAt(this.#at + 1) === "'") out += this.#text.charAt(++this.#at);
      else {
        this.#at++;
        return part(out);
      }
    }
    throw this.#refuse('a quoted scalar ends on its line');
  }

  #list(depth: number): Yaml {
    const items: Yaml[] = [];
    this.#at++;
    while (this.#skip() !== ']') {
      items.push(this.value(depth + 1, ',]'));
      this.#separator(']');
    }
    this.#at++;
    return items;
  }

  #map(depth: number): Yaml {
    const map = new Map<Name, Yaml>();
    this.#at++;
    while (this.#skip() !== '}') {
      const key = this.value(depth + 1, ',}');
      if (typeof key !== 'string') throw this.#refuse('a key is a scalar');
      const paired = this.#skip() === ':';
      if (paired) this.#at++;
      map.set(key, paired ? this.value(depth + 1, ',}') : null);
      this.#separator('}');
    }
    this.#at++;
    return map;
  }

  #separator(close: string): void {
    const next = this.#skip();
    if (next === ',') this.#at++;
    else if (next !== close) throw this.#refuse(`expected , or ${close}`);
  }
}

/** The line up to a ` #` outside quotes. */
function withoutComment(line: string): string {
  if (!line.includes('#')) return line;
  let quote = '';
  for (let i = 0; i < line.length; i++) {
    const c = line.charAt(i);
    const before = i === 0 ? ' ' : line.charAt(i - 1);
    if (quote !== '') {
      if (c === '\\' && quote === '"') i++;
      else if (c === quote) quote = '';
    } else if ((c === '"' || c === "'") && /[ [{,:]/.test(before)) {
      quote = c;
    } else if (c === '#' && /[ \t]/.test(before)) {
      return line.slice(0, i);
    }
  }
  return line;
}
