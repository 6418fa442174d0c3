import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BUNDLE_LIMIT, type Bundle, bundleFunctions } from '../../infra/bundle.ts';
import { functionNames } from '../../infra/functions.ts';
import { zip } from '../../infra/zip.ts';
import { run } from '../support/run.ts';

let folder: string;
let bundles: ReadonlyMap<string, Bundle>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'disklane-test-'));
  bundles = new Map((await bundleFunctions(functionNames)).map((bundle) => [bundle.name, bundle]));
  for (const { name, code } of bundles.values()) {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, 'index.mjs'), code);
  }
});

afterAll(() => rm(folder, { recursive: true }));

/** Loads a bundle in a process of its own, as Lambda does, and goes on with its `handler`. */
async function load(name: string, goOn: string): Promise<string> {
  const url = pathToFileURL(join(folder, name, 'index.mjs')).href;
  const script = `const { handler } = await import(${JSON.stringify(url)}); ${goOn}; process.exit(0);`;
  const output = await run('env', [
    '-i',
    ...['AWS_REGION=eu-central-1', 'AWS_ACCESS_KEY_ID=a', 'AWS_SECRET_ACCESS_KEY=b'],
    // Nothing listens there.
    ...['AWS_ENDPOINT_URL=http://127.0.0.1:9', 'AWS_MAX_ATTEMPTS=1'],
    process.execPath,
    ...['--input-type=module', '-e', script],
  ]);
  return output.toString();
}

async function invoke(name: string, event: object): Promise<{ statusCode: number; body: string }> {
  const call = `await handler(${JSON.stringify(event)}, { functionName: 'f', awsRequestId: 'r' })`;
  // The function's log lines come first.
  const said = await load(name, `process.stdout.write('\\n' + JSON.stringify(${call}))`);
  return JSON.parse(said.slice(said.lastIndexOf('\n')));
}

const get = (path: string) => ({
  httpMethod: 'GET',
  path,
  headers: { Host: 'api.example.com' },
  multiValueHeaders: { Host: ['api.example.com'] },
  requestContext: {},
  body: null,
  isBase64Encoded: false,
});

test('every function is one module below the limit, and loads where there are no packages', async () => {
  expect([...bundles.keys()].sort()).toEqual([...functionNames].sort());
  for (const { name, code, key } of bundles.values()) {
    expect(code.length).toBeLessThanOrEqual(BUNDLE_LIMIT);
    expect(key).toMatch(/^functions\/[a-z]+-[0-9a-f]{32}\.zip$/);
    expect(await load(name, 'process.stdout.write(typeof handler)')).toBe('function');
  }
});

test('the fallback answers 404, and 405 with Allow, without any setting', async () => {
  const missing = await invoke('fallback', get('/api/v2'));
  expect(missing.statusCode).toBe(404);
  expect(JSON.parse(missing.body)).toMatchObject({ error: 'NOT_FOUND' });
  const other = await invoke('fallback', { ...get('/api/v1/jobs'), httpMethod: 'DELETE' });
  expect(other).toMatchObject({ statusCode: 405 });
  expect(JSON.stringify(other)).toContain('POST, GET, HEAD');
});

test('a function whose store does not answer says 503 in the envelope', async () => {
  const reply = await invoke('status', get('/api/v1/jobs/some-job-1'));
  expect(reply.statusCode).toBe(503);
  expect(JSON.parse(reply.body)).toMatchObject({ error: 'UNAVAILABLE' });
});

test('a function refuses before it asks any store', async () => {
  const reply = await invoke('list', { ...get('/api/v1/jobs'), queryStringParameters: { limit: '0' } });
  expect(reply.statusCode).toBe(400);
  expect(JSON.parse(reply.body)).toMatchObject({ error: 'VALIDATION_ERROR', details: { field: 'limit' } });
});

test('the archives are what unpackers read, and the same for the same content', async () => {
  const entries = [
    { name: 'index.mjs', bytes: Buffer.from('export const handler = 1;\n'.repeat(1000)) },
    { name: 'empty', bytes: Buffer.alloc(0) },
  ];
  const archive = zip(entries);
  expect(zip(entries)).toEqual(archive);
  const path = join(folder, 'archive.zip');
  await writeFile(path, archive);
  await run('python3', ['-m', 'zipfile', '-t', path]);
  const read =
    'import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); i = z.getinfo("index.mjs"); ' +
    'print(z.namelist(), oct(i.external_attr >> 16), len(z.read("index.mjs")), z.read("empty"))';
  expect(String(await run('python3', ['-c', read, path]))).toBe(
    "['index.mjs', 'empty'] 0o100644 26000 b''\n",
  );
});
