import { randomBytes } from 'node:crypto';
import { truncate } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { children, failure, imageOf, jobOf, openDescriptors, readerOf, readersOf } from './support.ts';

const hang = "report({ phase: 'reading', percent: 1, message: '' }); for (;;);";

async function hanging() {
  const { root, path } = await imageOf(randomBytes(10));
  const readers = await readersOf({ roots: [root], script: await readerOf(hang) });
  return { root, path, readers };
}

test('the time limit ends the child', async () => {
  const { root, path, readers } = await hanging();
  const error = await failure(readers, jobOf(path, { timeMs: 2000 }));
  expect(error.toJobError()).toMatchObject({
    code: 'TIMEOUT',
    phase: 'reading',
    recoverable: false,
    details: { limit: 'timeMs', time_ms: 2000 },
  });
  await readers.close();
  expect(children()).toEqual([]);
  expect(openDescriptors(root)).toEqual([]);
});

test('an abort ends the child while it works', async () => {
  const { root, path, readers } = await hanging();
  const abort = new AbortController();
  const job = jobOf(path, { signal: abort.signal, onProgress: () => abort.abort() });
  expect(await failure(readers, job)).toMatchObject({ code: 'CANCELLED', phase: 'reading' });
  await readers.close();
  expect(children()).toEqual([]);
  expect(openDescriptors(root)).toEqual([]);
});

test('an abort before the start', async () => {
  const { root, path, readers } = await hanging();
  expect((await failure(readers, jobOf(path, { signal: AbortSignal.abort() }))).code).toBe('CANCELLED');
  await readers.close();
  expect(children()).toEqual([]);
  expect(openDescriptors(root)).toEqual([]);
});

test('an abort while only the checksum is still computed', async () => {
  const { root, path } = await imageOf(new Uint8Array());
  await truncate(path, 64 * 1024 ** 3);
  const readers = await readersOf({ roots: [root], script: await readerOf('return {};') });
  const images = [{ path, sha256: '0'.repeat(64) }];
  const signal = AbortSignal.timeout(300);
  expect((await failure(readers, jobOf(path, { images, signal }))).code).toBe('CANCELLED');
  await readers.close();
  expect(openDescriptors(root)).toEqual([]);
});

test('an abort at any moment of a start leaves nothing', async () => {
  const { root, path, readers } = await hanging();
  for (let ms = 0; ms < 40; ms += 2) {
    const error = await failure(readers, jobOf(path, { signal: AbortSignal.timeout(ms) }));
    expect(error.code).toBe('CANCELLED');
  }
  await readers.close();
  expect(children()).toEqual([]);
  expect(openDescriptors(root)).toEqual([]);
});
