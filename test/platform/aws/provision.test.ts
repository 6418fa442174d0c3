import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import { GetQueueAttributesCommand, GetQueueUrlCommand } from '@aws-sdk/client-sqs';
import { expect, onTestFinished, test } from 'vitest';
import { createClients } from '../../../platform/aws/clients.ts';
import { provision } from '../../../platform/aws/provision.ts';
import { resources } from '../../../platform/aws/resources.ts';
import type { AwsSettings } from '../../../platform/aws/settings.ts';
import { newMessage, newRecord } from '../conformance/subject.ts';
import { jsonFault, provisioned, xmlFault } from './support.ts';

const lane = { pool: 'default', band: 'normal' } as const;

function clientsOf(settings: AwsSettings) {
  const clients = createClients(settings);
  onTestFinished(() => clients.close());
  return clients;
}

test('provisioning again makes nothing new and takes nothing away', async () => {
  const at = await provisioned();
  const platform = await at.platform();
  const [record, message] = [newRecord(), newMessage()];
  await platform.jobs.insert(record);
  await platform.queue.send(lane, message, { delaySeconds: 0, group: 'default' });
  await platform.objects.put('kept', Buffer.from('kept'), { contentType: 'text/plain' });

  const lines: string[] = [];
  const clients = clientsOf(at.settings);
  await provision(clients, at.resources, (line) => lines.push(line));
  await Promise.all([provision(clients, at.resources), provision(clients, at.resources)]);

  expect(lines.filter((line) => line.endsWith(': made'))).toEqual([]);
  expect(lines.filter((line) => line.endsWith(': is there'))).toHaveLength(8);
  expect(await platform.jobs.get(record.job_id)).toEqual(record);
  expect(await platform.objects.head('kept')).not.toBeNull();
  expect(await platform.queue.receive(lane, { max: 1, waitSeconds: 1, visibilitySeconds: 1 })).toMatchObject([
    { message },
  ]);
});

test('several provision at once, from nothing', async () => {
  const at = await provisioned();
  const settings = { ...at.settings, prefix: `${at.settings.prefix.slice(0, 16)}-x` };
  const clients = clientsOf(settings);
  const described = resources(settings.prefix, ['default']);
  await Promise.all([1, 2, 3].map(() => provision(clients, described)));
  await (await at.platform({ prefix: settings.prefix })).verify();
});

test('a queue gets what its description says, again where somebody changed it', async () => {
  const at = await provisioned();
  const { sqs, ...clients } = clientsOf(at.settings);
  const [queue] = at.resources.queues;
  if (queue === undefined) throw new Error('no queue is described');
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: queue.name }));
  const attributes = async () =>
    (await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }))).Attributes;
  await provision({ sqs, ...clients }, { ...at.resources, queues: [{ ...queue, retentionSeconds: 3600 }] });
  expect(await attributes()).toMatchObject({ MessageRetentionPeriod: '3600' });
  await provision({ sqs, ...clients }, at.resources);
  const found = await attributes();
  expect(found).toMatchObject({ MessageRetentionPeriod: '1209600', ReceiveMessageWaitTimeSeconds: '20' });
  expect(JSON.parse(found?.RedrivePolicy ?? '{}')).toMatchObject({
    deadLetterTargetArn: expect.stringContaining(queue.deadLetter.name),
    maxReceiveCount: 100,
  });
});

test('a table of that name with other keys is refused, and left as it is', async () => {
  const at = await provisioned();
  const clients = clientsOf(at.settings);
  const described = resources('other', ['default']);
  const table = { ...described.table, name: `${at.settings.prefix}-other` };
  await clients.dynamodb.send(
    new CreateTableCommand({
      TableName: table.name,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
    }),
  );
  await expect(provision(clients, { ...at.resources, table })).rejects.toThrow(
    /is there with other keys: expected HASH pk,RANGE sk, found HASH id/,
  );
});

test('what may not be set is an error, though an emulator may leave it out', async () => {
  const at = await provisioned();
  const clients = clientsOf(at.settings);
  at.endpoint.proxy.spoil('PUT publicAccessBlock', xmlFault('AccessDenied', 403));
  await expect(provision(clients, at.resources)).rejects.toThrow(/denies PutPublicAccessBlock on bucket/);
  at.endpoint.proxy.spoil('DescribeTable', jsonFault('AccessDeniedException'));
  await expect(provision(clients, at.resources)).rejects.toThrow(/denies DescribeTable on table/);
});

test("another account's bucket of that name is refused", async () => {
  const at = await provisioned();
  const clients = clientsOf(at.settings);
  const bucket = { ...at.resources.bucket, name: `${at.settings.prefix}-taken` };
  at.endpoint.proxy.spoil('PUT ', xmlFault('BucketAlreadyExists', 409));
  await expect(provision(clients, { ...at.resources, bucket })).rejects.toThrow(
    /is another account's: choose another DISKLANE_AWS_PREFIX/,
  );
});
