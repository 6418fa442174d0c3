import { expect, test } from 'vitest';
import { provisioned } from '../platform/aws/support.ts';
import { unique } from '../platform/conformance/subject.ts';
import { awsSettings } from './aws.ts';
import { call, document, resultOf, run, sha256, start, startApi, startEntry } from './support.ts';

// The one-machine service on DynamoDB, SQS and S3: the same programs, another platform.

test('a job from submit to its presigned result, with the gateway and the worker in one process', async () => {
  const at = await provisioned();
  const { url, program } = await startApi('local/main.ts', awsSettings(at));
  const jobId = unique('job');
  expect(await run(url, jobId, 'test.echo', { message: 'hello' })).toMatchObject({ status: 'Completed' });
  const { data, download } = await resultOf<{ echo: unknown }>(url, jobId);
  expect(data.echo).toEqual({ message: 'hello' });
  expect(download.url.startsWith(`${at.endpoint.s3Url}/`)).toBe(true);
  const bytes = new Uint8Array(await (await fetch(download.url)).arrayBuffer());
  expect([bytes.length, sha256(bytes)]).toEqual([download.size_bytes, download.sha256]);
  // The bucket serves its own URLs; the gateway has none.
  expect((await fetch(`${url}/objects/any`)).status).toBe(404);
  expect(await call(`${url}/api/v1/health`)).toMatchObject({ status: 200 });
  expect(await program.end('SIGTERM')).toBe(0);
});

test('a gateway and two workers share the work, and one that is killed loses no job', async () => {
  const at = await provisioned();
  const settings = { ...awsSettings(at), DISKLANE_LEASE_SECONDS: '2' };
  const { url } = await startApi('local/gateway.ts', settings);
  const [victim, survivor] = [startEntry('worker/main.ts', settings), startEntry('worker/main.ts', settings)];
  await Promise.all([victim.ready(), survivor.ready()]);
  const jobs = Array.from({ length: 12 }, () => unique('job'));
  const running = jobs.map((id) => run(url, id, 'test.echo', { message: id, delay_ms: 1500 }));
  setTimeout(() => victim.child.kill('SIGKILL'), 1000);
  for (const job of await Promise.all(running)) expect(job).toMatchObject({ status: 'Completed' });
  expect(await survivor.end('SIGTERM')).toBe(0);
}, 90_000);

test('a service says in one line what was not provisioned', async () => {
  const at = await provisioned();
  const program = startEntry('worker/main.ts', { ...awsSettings(at), DISKLANE_AWS_PREFIX: 'nobody' });
  expect(await program.ended).toBe(1);
  expect(program.stderr).toMatch(/^disklane: .* has no (table|queue|bucket) nobody-.*npm run provision.*\n$/);
});

test('npm run provision makes what a service needs, and again nothing', async () => {
  const at = await provisioned();
  const settings = { ...awsSettings(at), DISKLANE_AWS_PREFIX: `${at.settings.prefix.slice(0, 17)}-p` };
  const first = start(process.execPath, ['local/provision.ts'], settings);
  expect([await first.ended, first.stderr]).toEqual([0, '']);
  expect(first.stdout.match(/: made$/gm)).toHaveLength(8);
  const second = start(process.execPath, ['local/provision.ts'], settings);
  expect(await second.ended).toBe(0);
  expect(second.stdout.match(/: is there$/gm)).toHaveLength(8);
  const { url } = await startApi('local/gateway.ts', settings);
  const { status } = await call(`${url}/api/v1/jobs`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(document(unique('job'), 'test.echo', { message: 'm' })),
  });
  expect(status).toBe(201);
});

test('npm run provision says in one line what keeps it', async () => {
  const program = start(process.execPath, ['local/provision.ts'], {
    DISKLANE_AWS_ENDPOINT: 'http://127.0.0.1:9',
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
  expect(await program.ended).toBe(1);
  expect(program.stderr).toMatch(/^disklane: .* does not answer.*ECONNREFUSED.*\n$/);
});
