import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { readImages } from '../../../worker/reader/run.ts';
import { children, failure, imageOf, jobOf, openDescriptors, readerOf, readersOf } from './support.ts';

/** In reach of the scripts: what a child taken over by an image could do with its descriptors. */
const prelude = `
  const fs = require('node:fs');
  const say = (line) => fs.writeSync(1, typeof line === 'string' ? line : JSON.stringify(line) + '\\n');
  const start = fs.readSync(3, Buffer.alloc(65536));
  const ask = (op, source, offset, length) => {
    const frame = Buffer.alloc(20);
    frame.writeUInt32LE(1, 0);
    frame.writeUInt16LE(op, 4);
    frame.writeUInt16LE(source, 6);
    frame.writeBigUInt64LE(BigInt(offset), 8);
    frame.writeUInt32LE(length, 16);
    fs.writeSync(4, frame);
  };
  const reply = () => {
    const head = Buffer.alloc(12);
    if (fs.readSync(3, head) === 0) return null;
    const body = Buffer.alloc(head.readUInt32LE(8));
    for (let at = 0; at < body.length; ) at += fs.readSync(3, body, at, body.length - at, null);
    return { status: head.readUInt32LE(4), body: body.toString('latin1') };
  };
  const result = { kind: 'result', inspection: {} };
`;

async function hostile(script: string, memoryBytes = 256 * 1024 ** 2) {
  const { root, path } = await imageOf(randomBytes(5000));
  const readers = await readersOf({ roots: [root], script, memoryBytes });
  return { root, path, readers };
}

test.for([
  ['nothing at all', ''],
  ['a line that is not JSON', "say('garbage\\n'); for (;;);"],
  ['binary garbage', "say(Buffer.alloc(100_000, 0xff).toString('latin1')); say('\\n'); for (;;);"],
  ['a line of another shape', "say({ kind: 'victory' }); for (;;);"],
  ['a result that is no object', "say({ kind: 'result', inspection: [1] }); for (;;);"],
  ['a result with more beside it', 'say({ ...result, more: 1 }); for (;;);'],
  ['a line without end, then the end', 'say(\'{"kind":\'); process.exit(0);'],
  [
    'output after the outcome',
    "say(JSON.stringify(result) + '\\n' + JSON.stringify(result) + '\\n'); for (;;);",
  ],
  ['one endless line', "const x = 'x'.repeat(1 << 20); for (;;) say(x);"],
  ['endless progress', "for (;;) say({ kind: 'progress', phase: 'reading', percent: 1, message: 'x' });"],
  [
    'progress beyond 100',
    "say({ kind: 'progress', phase: 'reading', percent: 101, message: '' }); for (;;);",
  ],
  ['an exit code', 'process.exit(7);'],
  ['an exception', "throw new Error('boom');"],
  ['death by a signal', "process.kill(process.pid, 'SIGSEGV'); for (;;);"],
  ['an unknown request', 'ask(9, 0, 0, 1); for (;;);'],
  ['a read longer than allowed', 'ask(0, 0, 0, 2 ** 20 + 1); for (;;);'],
  ['a read of nothing', 'ask(0, 0, 0, 0); for (;;);'],
  ['an offset beyond all', 'ask(0, 0, 2n ** 63n, 1); for (;;);'],
  ['a prefetch outside', 'ask(1, 0, 4999, 2); for (;;);'],
])('READER_CRASHED on %s', async ([, body = '']) => {
  const { path, readers } = await hostile(prelude + body);
  const error = await failure(readers, jobOf(path));
  expect(error.toJobError()).toMatchObject({ code: 'READER_CRASHED', recoverable: true });
});

test('what it said on standard error is kept, bounded', async () => {
  const { path, readers } = await hostile(
    `${prelude}fs.writeSync(2, 'x'.repeat(1e6) + 'the end'); process.exit(3);`,
  );
  const error = await failure(readers, jobOf(path));
  expect(error.message).toContain('exit code 3');
  const { stderr } = error.details;
  expect(stderr).toMatch(/x{1000}the end$/);
  expect(String(stderr).length).toBeLessThanOrEqual(2000);
});

test('reads outside the sources are refused, and those inside still answered', async () => {
  const { path, readers } = await hostile(`${prelude}
    const replies = [];
    for (const at of [[1, 0, 1], [65535, 0, 1], [0, 5000, 1], [0, 4999, 2], [0, 2n ** 53n - 1n, 1048576], [0, 0, 1048576], [0, 4999, 1]]) {
      ask(0, ...at);
      replies.push(reply());
    }
    say({ kind: 'result', inspection: { replies: replies.map(({ status, body }) => [status, status ? body : body.length]) } });`);
  const { inspection, statistics } = await readImages(readers, jobOf(path));
  const refused = [4, 'a read outside the sources'];
  expect(inspection.replies).toEqual([...Array(6).fill(refused), [0, 1]]);
  expect(statistics).toMatchObject({ reads: 1, bytesRead: 1 });
});

test('a child that asks and never listens is ended by its time', async () => {
  const { path, readers } = await hostile(`${prelude}for (;;) ask(0, 0, 0, 5000);`);
  expect((await failure(readers, jobOf(path, { timeMs: 500 }))).code).toBe('TIMEOUT');
});

test('a child that closes its pipes and stays is ended by its time', async () => {
  const { path, readers } = await hostile(`${prelude}fs.closeSync(3); fs.closeSync(4); for (;;);`);
  expect((await failure(readers, jobOf(path, { timeMs: 500 }))).code).toBe('TIMEOUT');
});

test.for([
  ['of Buffers', 'const kept = []; for (;;) kept.push(Buffer.alloc(1 << 20, 1));'],
  ['of the heap', 'const kept = []; for (;;) kept.push([kept.length, {}]);'],
  ['of one huge Buffer', 'Buffer.alloc(4 * 1024 ** 3, 1); for (;;);'],
  ['of a Buffer that our own code asks for', null],
])('memory %s is bounded: LIMIT_EXCEEDED', async ([, body]) => {
  const script = body === null ? await readerOf('new Uint8Array(4 * 1024 ** 3).fill(1);') : prelude + body;
  const { path, readers } = await hostile(script, 128 * 1024 ** 2);
  const error = await failure(readers, jobOf(path));
  expect(error.toJobError()).toMatchObject({
    code: 'LIMIT_EXCEEDED',
    recoverable: false,
    details: { limit: 'memoryBytes', memory_bytes: 128 * 1024 ** 2 },
  });
});

test('a large but permitted result arrives whole', async () => {
  const script = await readerOf("return { text: 'é'.repeat(10_000_000) };");
  const { root, path } = await imageOf(randomBytes(10));
  const readers = await readersOf({ roots: [root], script });
  const { inspection } = await readImages(readers, jobOf(path));
  expect(String(inspection.text).length).toBe(10_000_000);
});

test('names that mean something to JavaScript stay mere names', async () => {
  const script = await readerOf(
    `return JSON.parse('{"__proto__":{"polluted":1},"constructor":2,"list":[{"__proto__":3}]}');`,
  );
  const { root, path } = await imageOf(randomBytes(10));
  const readers = await readersOf({ roots: [root], script });
  const { inspection } = await readImages(readers, jobOf(path));
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  expect(inspection.polluted).toBeUndefined();
  expect(inspection.constructor).toBe(2);
});

test('after each of them the next job is read, and nothing is left behind', async () => {
  const { root, path } = await imageOf(randomBytes(10));
  const script = await readerOf(`
    if (request.images[0].format === null) return {};
    for (;;) fs.writeSync(1, 'garbage\\n');`);
  const readers = await readersOf({ roots: [root], script });
  for (let i = 0; i < 3; i++) {
    const job = jobOf(path);
    const request = { ...job.request, images: [{ format: 'raw' as const }] };
    expect((await failure(readers, { ...job, request })).code).toBe('READER_CRASHED');
    expect((await readImages(readers, job)).inspection).toEqual({});
  }
  await readers.close();
  expect(children()).toEqual([]);
  expect(openDescriptors(root)).toEqual([]);
});
