import { afterEach, describe, expect, test, vi } from 'vitest';
import { StorageError } from '../../../core/errors.ts';
import type { Platform } from '../../../core/ports.ts';
import { openAwsPlatform } from '../../../platform/aws/platform.ts';
import { newMessage, newRecord } from '../conformance/subject.ts';
import { jsonFault, provisioned, xmlFault } from './support.ts';

const lane = { pool: 'default', band: 'normal' } as const;
const put = (platform: Platform) =>
  platform.objects.put('a', Buffer.from('a'), { contentType: 'text/plain' });
const send = (platform: Platform) =>
  platform.queue.send(lane, newMessage(), { delaySeconds: 0, group: 'default' });
const insert = (platform: Platform) => platform.jobs.insert(newRecord());

/** What an operation that cannot be done is refused with. */
async function refusal(action: Promise<unknown>): Promise<string> {
  const error = await action.then(
    () => null,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(StorageError);
  return error instanceof Error ? error.message : '';
}

afterEach(() => vi.unstubAllEnvs());

test('an endpoint that is down is named, by each service, within bounds', async () => {
  const endpoint = 'http://127.0.0.1:9';
  const platform = await openAwsPlatform({ region: 'eu-west-1', endpoint, prefix: 'p', pools: ['default'] });
  for (const [service, action] of [
    ['DynamoDB', insert],
    ['SQS', send],
    ['S3', put],
  ] as const) {
    expect(await refusal(action(platform))).toMatch(
      new RegExp(`^${service} in eu-west-1 at ${endpoint} does not answer, tried 4 times: .*ECONNREFUSED`),
    );
  }
  await refusal(platform.verify());
  await platform.close();
});

describe('what AWS needs to be told is asked for:', () => {
  const settings = { endpoint: 'http://127.0.0.1:9', prefix: 'p', pools: ['default'] };

  test('a region', async () => {
    vi.stubEnv('AWS_REGION', undefined);
    vi.stubEnv('AWS_CONFIG_FILE', '/dev/null');
    expect(await refusal(openAwsPlatform(settings))).toMatch(/AWS_REGION/);
  });

  test('credentials', async () => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE'])
      vi.stubEnv(name, undefined);
    vi.stubEnv('AWS_CONFIG_FILE', '/dev/null');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/dev/null');
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    const message = await refusal(openAwsPlatform({ ...settings, region: 'eu-west-1' }));
    expect(message).toMatch(/no AWS credentials.*AWS_ACCESS_KEY_ID/);
  });
});

test('a table, queue or bucket that is missing is named', async () => {
  const at = await provisioned();
  const platform = await at.platform({ prefix: 'nobody' });
  expect(await refusal(insert(platform))).toMatch(/has no table nobody-jobs.*npm run provision/);
  expect(await refusal(platform.jobs.get('x'))).toMatch(/has no table nobody-jobs/);
  expect(await refusal(send(platform))).toMatch(/has no queue nobody-default-normal/);
  expect(await refusal(put(platform))).toMatch(/has no bucket nobody-objects/);

  const whole = await at.platform();
  await whole.verify();
  for (const [changes, missing] of [
    [{ prefix: 'nobody', bucket: at.resources.bucket.name }, /has no (table nobody-jobs|queue nobody-)/],
    [{ bucket: 'nobodys-bucket' }, /no bucket nobodys-bucket/],
    [{ pools: ['default', 'gpu'] }, new RegExp(`has no queue ${at.settings.prefix}-gpu-`)],
  ] as const) {
    expect(await refusal((await at.platform(changes)).verify())).toMatch(missing);
  }
});

test('a region where nothing was provisioned is named', async () => {
  const at = await provisioned();
  const platform = await at.platform({ region: 'us-west-2' });
  expect(await refusal(send(platform))).toMatch(
    /^SQS in us-west-2 at .* has no queue .*is the region the right one/,
  );
  at.endpoint.proxy.spoil('PutObject', xmlFault('PermanentRedirect', 301));
  expect(await refusal(put(platform))).toMatch(/lies in another region than us-west-2/);
});

test('what is denied is named: the operation and what it was for', async () => {
  const at = await provisioned();
  const { proxy } = at.endpoint;
  const platform = await at.platform();
  const { prefix } = at.settings;
  const record = newRecord();
  proxy.spoil('PutItem', jsonFault('AccessDeniedException'));
  expect(await refusal(platform.jobs.insert(record))).toMatch(
    new RegExp(`^DynamoDB in .* denies PutItem on table ${prefix}-jobs: said AccessDenied`),
  );
  expect(await platform.jobs.get(record.job_id)).toBeNull();
  proxy.spoil('SendMessage', jsonFault('AccessDenied', 403));
  expect(await refusal(send(platform))).toMatch(/^SQS in .* denies SendMessage on queue .*-default-normal/);
  proxy.spoil('PutObject', xmlFault('AccessDenied', 403));
  expect(await refusal(put(platform))).toMatch(
    new RegExp(`^S3 .* denies PutObject on bucket ${prefix}-objects`),
  );
});

test('credentials that are refused are called so', async () => {
  const at = await provisioned();
  const platform = await at.platform();
  at.endpoint.proxy.spoil('GetItem', jsonFault('UnrecognizedClientException'));
  expect(await refusal(platform.jobs.get('x'))).toMatch(/refuses the AWS credentials/);
});
