import {
  appendFile,
  chmod,
  link,
  mkdir,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ReaderError } from '../../../worker/reader/error.ts';
import { type OpenedFile, openImage } from '../../../worker/reader/open-image.ts';
import { run } from '../../support/run.ts';
import { scratch } from '../../support/scratch.ts';

async function opened(path: string, roots: readonly string[]): Promise<OpenedFile> {
  const file = await openImage(path, roots);
  onTestFinished(() => file.close());
  return file;
}

const refusal = (path: string, roots: readonly string[]): Promise<ReaderError> =>
  opened(path, roots).then(
    () => Promise.reject(new Error('it was opened')),
    (error) => error,
  );

async function folders() {
  const folder = await scratch();
  const [root, outside] = [join(folder, 'images'), join(folder, 'outside')];
  await mkdir(root);
  await mkdir(outside);
  await writeFile(join(root, 'disk.img'), 'content');
  await writeFile(join(outside, 'secret'), 'secret');
  return { root, outside };
}

describe('what is opened', () => {
  test('a regular file in a root, with its size', async () => {
    const { root } = await folders();
    expect((await opened(join(root, 'disk.img'), [root])).size).toBe(7);
  });

  test('an empty file: what is in it is for the readers to judge', async () => {
    const { root } = await folders();
    await writeFile(join(root, 'empty'), '');
    expect((await opened(join(root, 'empty'), [root])).size).toBe(0);
  });

  test('through links that stay inside the roots, and a root that is a link itself', async () => {
    const { root, outside } = await folders();
    await symlink(join(root, 'disk.img'), join(root, 'link'));
    await symlink(root, join(outside, 'root-link'));
    await symlink(join(outside, 'secret'), join(root, 'other-root'));
    expect((await opened(join(root, 'link'), [root])).size).toBe(7);
    expect((await opened(join(outside, 'root-link', 'disk.img'), [join(outside, 'root-link')])).size).toBe(7);
    expect((await opened(join(root, 'other-root'), [root, outside])).size).toBe(6);
  });

  test('beside a root that does not exist', async () => {
    const { root } = await folders();
    expect((await opened(join(root, 'disk.img'), ['/nowhere', root])).size).toBe(7);
  });
});

describe('what is refused', () => {
  test.for([
    ['a missing file', 'missing.img'],
    ['a path through a file', 'disk.img/partition'],
    ['a name that is too long', 'x'.repeat(300)],
  ] as const)('%s: IMAGE_NOT_FOUND', async ([, name]) => {
    const { root } = await folders();
    expect(await refusal(join(root, name), [root])).toMatchObject({
      code: 'IMAGE_NOT_FOUND',
      phase: 'opening',
    });
  });

  test('a loop of links: IMAGE_NOT_FOUND', async () => {
    const { root } = await folders();
    await symlink(join(root, 'b'), join(root, 'a'));
    await symlink(join(root, 'a'), join(root, 'b'));
    expect((await refusal(join(root, 'a'), [root])).code).toBe('IMAGE_NOT_FOUND');
  });

  test('a path outside the roots is not even looked for', async () => {
    const { root, outside } = await folders();
    const there = await refusal(join(outside, 'secret'), [root]);
    const missing = await refusal(join(outside, 'missing'), [root]);
    expect(there).toMatchObject({ code: 'IMAGE_NOT_ALLOWED', phase: 'opening', recoverable: false });
    expect(missing.code).toBe(there.code);
  });

  test('a way out by dots, a neighbour with the root as prefix, the root itself, a relative path', async () => {
    const { root } = await folders();
    await writeFile(`${root}-2`, '');
    for (const path of [`${root}/../outside/secret`, `${root}-2`, root, 'disk.img']) {
      expect((await refusal(path, [root])).code, path).toBe('IMAGE_NOT_ALLOWED');
    }
  });

  test('a link out of the roots, and a linked folder', async () => {
    const { root, outside } = await folders();
    await symlink(join(outside, 'secret'), join(root, 'link'));
    await symlink(outside, join(root, 'folder'));
    for (const path of ['link', 'folder/secret', 'folder/../outside/secret']) {
      expect((await refusal(`${root}/${path}`, [root])).code, path).toBe('IMAGE_NOT_ALLOWED');
    }
  });

  test('a folder, a FIFO (at once), a device and a socket', async () => {
    const { root } = await folders();
    await mkdir(join(root, 'folder'));
    await run('mkfifo', [join(root, 'fifo')]);
    const server = createServer().listen(join(root, 'socket'));
    onTestFinished(() => void server.close());
    for (const name of ['folder', 'fifo', 'socket']) {
      expect((await refusal(join(root, name), [root])).code, name).toBe('IMAGE_NOT_ALLOWED');
    }
    expect((await refusal('/dev/zero', ['/dev'])).code).toBe('IMAGE_NOT_ALLOWED');
  });

  test('a path swapped for a link again and again never gives the other file', async () => {
    const { root, outside } = await folders();
    const path = join(root, 'swapped');
    let swapping = true;
    const swapper = (async () => {
      while (swapping) {
        await writeFile(`${path}.new`, 'content');
        await rename(`${path}.new`, path);
        await symlink(join(outside, 'secret'), `${path}.new`);
        await rename(`${path}.new`, path);
      }
    })();
    const seen = new Map<string, number>();
    // On a busy machine it takes longer until the opener has met both.
    for (let i = 0; i < 500 || !seen.has('IMAGE_NOT_ALLOWED') || !seen.has('7'); i++) {
      const result = await openImage(path, [root]).then(
        async (file) => {
          await file.close();
          return String(file.size);
        },
        (error: ReaderError) => error.code,
      );
      seen.set(result, (seen.get(result) ?? 0) + 1);
    }
    swapping = false;
    await swapper;
    // 6 would be the size of the secret.
    expect(
      [...seen.keys()].filter((key) => !['7', 'IMAGE_NOT_ALLOWED', 'IMAGE_NOT_FOUND'].includes(key)),
    ).toEqual([]);
  });
});

test('without permission: IMAGE_UNREADABLE, and a retry may help', async () => {
  const { root } = await folders();
  const path = join(root, 'disk.img');
  await chmod(path, 0);
  await chmod(root, 0o755);
  // Root may read anything, so another user tries.
  const script = `
    const { openImage } = await import(process.argv[1]);
    if (process.getuid() === 0) process.setuid(65534);
    await openImage(${JSON.stringify(path)}, [${JSON.stringify(root)}]).catch(({ code, recoverable }) => console.log(code, recoverable));
  `;
  await chmod(join(root, '..'), 0o755);
  const module = new URL('../../../worker/reader/open-image.ts', import.meta.url).href;
  const output = await run(process.execPath, ['--input-type=module', '-e', script, module]);
  expect(output.toString()).toBe('IMAGE_UNREADABLE true\n');
});

describe('IMAGE_CHANGED', () => {
  const changes: [string, (path: string) => Promise<unknown>][] = [
    ['bytes appended', (path) => appendFile(path, 'x')],
    [
      'bytes replaced, the time set back',
      async (path) => {
        await writeFile(path, 'CONTENT');
        await utimes(path, 1, 1);
      },
    ],
    ['truncated', (path) => truncate(path, 1)],
    ['unlinked', (path) => rm(path)],
    ['a further name', (path) => link(path, `${path}.2`)],
    [
      'replaced by another file',
      async (path) => {
        await writeFile(`${path}.new`, 'content');
        await rename(`${path}.new`, path);
      },
    ],
  ];
  test.for(changes)('%s', async ([, change]) => {
    const { root } = await folders();
    const path = join(root, 'disk.img');
    await utimes(path, 1, 1);
    const file = await opened(path, [root]);
    await file.assertUnchanged();
    await change(path);
    await expect(file.assertUnchanged()).rejects.toMatchObject({ code: 'IMAGE_CHANGED', recoverable: true });
  });
});
