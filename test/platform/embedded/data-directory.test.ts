import { chmod, mkdir, readdir, readFile, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openEmbeddedPlatform } from '../../../platform/embedded/platform.ts';
import { scratch } from '../../support/scratch.ts';

const publicUrl = 'http://localhost';

test('the data directory is made for its owner only, and so is the key', async () => {
  const dataDir = join(await scratch(), 'deep', 'data');
  const platform = await openEmbeddedPlatform({ dataDir, publicUrl });
  expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
  const key = join(dataDir, 'signing-key');
  expect((await stat(key)).mode & 0o777).toBe(0o600);
  expect(await readFile(key)).toHaveLength(32);
  for (const file of ['disklane.db', 'disklane.db-wal']) {
    expect((await stat(join(dataDir, file))).mode & 0o777).toBe(0o600);
  }
  await platform.close();
});

test('a key that others may read, or of a wrong size, is refused by name', async () => {
  const dataDir = join(await scratch(), 'data');
  await (await openEmbeddedPlatform({ dataDir, publicUrl })).close();
  const key = join(dataDir, 'signing-key');
  await chmod(key, 0o644);
  await expect(openEmbeddedPlatform({ dataDir, publicUrl })).rejects.toThrow(/signing-key .*owner only.*644/);
  await chmod(key, 0o600);
  await writeFile(key, 'short');
  await expect(openEmbeddedPlatform({ dataDir, publicUrl })).rejects.toThrow(/expected 32 bytes, found 5/);
});

test('a data directory and an image root inside each other are refused, through symlinks too', async () => {
  const folder = await scratch();
  const images = join(folder, 'images');
  await mkdir(join(images, 'sub'), { recursive: true });
  await symlink(images, join(folder, 'link'));
  const refused: [string, string][] = [
    [images, images],
    [join(images, 'data'), images],
    [join(folder, 'link', 'sub', 'data'), images],
    [join(images, 'data'), join(folder, 'link')],
    [folder, images],
    [folder, join(folder, 'not', 'there', 'yet')],
  ];
  for (const [dataDir, root] of refused) {
    const opening = openEmbeddedPlatform({ dataDir, publicUrl, imageRoots: ['/var/empty', root] });
    await expect(opening, `${dataDir} and ${root}`).rejects.toThrow(
      /lies inside the (image root|data directory)/,
    );
  }
  expect(await readdir(images)).toEqual(['sub']);
  const beside = { dataDir: join(folder, 'images-data'), publicUrl, imageRoots: [images] };
  await (await openEmbeddedPlatform(beside)).close();
});

test('files that killed processes left are removed at a later start, old ones only', async () => {
  const dataDir = join(await scratch(), 'data');
  const first = await openEmbeddedPlatform({ dataDir, publicUrl });
  await first.objects.put('kept', Buffer.from('kept'), { contentType: 'text/plain' });
  await first.close();
  const folder = join(dataDir, 'objects');
  for (const name of ['old.part', 'old', 'new.part', 'new']) await writeFile(join(folder, name), 'left');
  const longAgo = new Date(Date.now() - 25 * 3_600_000);
  for (const name of await readdir(folder)) {
    if (!name.startsWith('new')) await utimes(join(folder, name), longAgo, longAgo);
  }
  const second = await openEmbeddedPlatform({ dataDir, publicUrl });
  const left = async () => new Set(await readdir(folder));
  for (let n = 0; n < 100 && (await left()).size > 3; n++) await sleep(20);
  expect([...(await left())].filter((name) => name.length < 20).toSorted()).toEqual(['new', 'new.part']);
  const kept = await second.objects.get('kept');
  expect(Buffer.concat(await Array.fromAsync(kept?.body ?? [])).toString()).toBe('kept');
  await second.close();
});

test('replaced and deleted objects, and puts that failed, leave no file', async () => {
  const dataDir = join(await scratch(), 'data');
  const { objects, close } = await openEmbeddedPlatform({ dataDir, publicUrl });
  const type = { contentType: 'text/plain' };
  const failing = async function* () {
    yield Buffer.from('x');
    throw new Error('broke');
  };
  await objects.put('a', Buffer.from('1'), type);
  await objects.put('a', Buffer.from('2'), type);
  await objects.put('b', Buffer.from('3'), type);
  await objects.delete('b');
  await expect(objects.put('c', failing(), type)).rejects.toThrow('broke');
  expect(await readdir(join(dataDir, 'objects'))).toHaveLength(1);
  await close();
});
