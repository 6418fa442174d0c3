import { randomBytes } from 'node:crypto';
import { readdirSync, readlinkSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { readImages } from '../../../worker/reader/run.ts';
import { children, imageOf, jobOf, readerOf, readersOf, until } from './support.ts';

/** A child that tries what `attempts` (expressions that may be promises) do, and gives what came of each. */
function attempting(attempts: Record<string, string>): string {
  const tries = Object.entries(attempts).map(
    ([name, code]) => `[${JSON.stringify(name)}, async () => { ${code} }]`,
  );
  return `
    const fs = require('node:fs');
    fs.readSync(3, Buffer.alloc(65536));
    (async () => {
      const said = {};
      for (const [name, attempt] of [${tries.join(',')}]) {
        try { said[name] = 'done: ' + JSON.stringify(await attempt()); }
        catch (error) { said[name] = error.code ?? error.name; }
      }
      fs.writeSync(1, JSON.stringify({ kind: 'result', inspection: said }) + '\\n');
      fs.readSync(3, Buffer.alloc(1));
    })();`;
}

test('the child is refused files, processes, threads, addons, code from strings; and has no environment', async () => {
  const { root, path } = await imageOf(randomBytes(10));
  const written = `${root}/written`;
  const attempts = {
    image: `return fs.openSync(${JSON.stringify(path)})`,
    read: "return fs.readFileSync('/etc/hostname', 'utf8')",
    environ: "return fs.readFileSync('/proc/self/environ', 'utf8')",
    descriptor: "return fs.openSync('/proc/self/fd/3')",
    list: "return fs.readdirSync('/')",
    stat: "return fs.statSync('/etc/passwd')",
    write: `return fs.writeFileSync(${JSON.stringify(written)}, 'x')`,
    promise: "return (await fs.promises.readFile('/etc/hostname')).length",
    module: "return require('/etc/hostname')",
    import: "return await import('/etc/hostname')",
    spawn: "return require('node:child_process').spawnSync('/bin/true').status",
    thread: "return new (require('node:worker_threads').Worker)('0', { eval: true }).threadId",
    addon: "return process.dlopen({ exports: {} }, '/usr/lib/x86_64-linux-gnu/libc.so.6')",
    eval: "return eval('1')",
    function: "return new Function('return 1')()",
  };
  const readers = await readersOf({
    roots: [root],
    script: attempting({ ...attempts, environment: 'return process.env', folder: 'return process.cwd()' }),
  });
  const { inspection } = await readImages(readers, jobOf(path));
  const { environment, folder, ...refused } = inspection;
  expect(environment).toBe('done: {}');
  expect(folder).toBe('done: "/"');
  expect(refused).toEqual({
    ...Object.fromEntries(Object.keys(attempts).map((name) => [name, 'ERR_ACCESS_DENIED'])),
    addon: 'ERR_DLOPEN_DISABLED',
    eval: 'EvalError',
    function: 'EvalError',
  });
  await expect(access(written)).rejects.toThrow('ENOENT');
});

test('what the permission model leaves open is closed by the kernel where it can be', async (context) => {
  const { root, path } = await imageOf(randomBytes(10));
  const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await until(() => server.listening);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const script = attempting({
    connect: `return await new Promise((resolve, reject) =>
      require('node:net').connect(${address.port}, '127.0.0.1', () => resolve('connected')).on('error', reject))`,
    signal: 'return process.kill(process.ppid, 0)',
    sqlite: `new (require('node:sqlite').DatabaseSync)(${JSON.stringify(`${root}/x.db`)}).exec('create table t (a)')`,
  });
  const readers = await readersOf({ roots: [root], script });
  const { parts } = readers.isolation;
  if (!parts.includes('network namespace') || !parts.includes('other user')) context.skip('not root here');
  const { inspection } = await readImages(readers, jobOf(path));
  expect(inspection).toEqual({ connect: 'ENETUNREACH', signal: 'EPERM', sqlite: 'ERR_SQLITE_ERROR' });
});

test('it inherits pipes only, and runs with what was found possible', async () => {
  const { root, path } = await imageOf(randomBytes(10));
  const script = await readerOf("report({ phase: 'reading', percent: 0, message: '' }); for (;;);");
  const readers = await readersOf({ roots: [root], script });
  const abort = new AbortController();
  let links: string[] = [];
  const onProgress = () => {
    const [pid] = children();
    links = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
    abort.abort();
  };
  await readImages(readers, jobOf(path, { signal: abort.signal, onProgress })).catch(() => {});
  expect(links.length).toBeGreaterThan(4);
  const harmless = /^(socket:|pipe:|anon_inode:|\/dev\/null$|\/tmp\/disklane-pipes-\w+\/[01] \(deleted\)$)/;
  expect(links.filter((link) => !harmless.test(link))).toEqual([]);
});
