import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { HeadBucketCommand } from '@aws-sdk/client-s3';
import { StorageError } from '../../core/errors.ts';
import type { Platform } from '../../core/ports.ts';
import { createClients } from './clients.ts';
import { isNamed, translated } from './errors.ts';
import { AwsEventLog } from './events.ts';
import { AwsJobStore } from './job-store.ts';
import { AwsObjectStore } from './objects.ts';
import { AwsJobQueue } from './queue.ts';
import { QueueUrls } from './queue-urls.ts';
import { resources } from './resources.ts';
import type { AwsSettings } from './settings.ts';
import { TableTokens } from './table-tokens.ts';
import { UnfinishedCount } from './unfinished-count.ts';
import { AwsWorkerRegistry } from './workers.ts';

/** How often unfinished jobs are counted, and the count is read, when it is not said, in milliseconds. */
const COUNT_MS = 30_000;

export type AwsPlatform = Platform & {
  /**
   * Asks for the table, every lane's queues and the bucket, and learns the store's time; throws a StorageError
   * that names what is missing or denied. For processes that start seldom and may do everything; a function
   * with the permissions of one endpoint finds out as it goes.
   */
  verify(): Promise<void>;
};

/**
 * The ports on DynamoDB, SQS and S3. Sends nothing but what finding the credentials takes; throws a StorageError
 * where there are none, or no region.
 */
export async function openAwsPlatform(
  settings: AwsSettings,
  { countMs = COUNT_MS }: { readonly countMs?: number } = {},
): Promise<AwsPlatform> {
  const { table, bucket, queues } = resources(settings.prefix, settings.pools, settings.bucket);
  const clients = createClients(settings);
  const { dynamodb, sqs, s3, signer } = clients;
  try {
    await dynamodb.config.region();
    await dynamodb.config.credentials();
  } catch (error) {
    clients.close();
    throw translated(error, { service: 'AWS', operation: '', resource: '', where: settings.endpoint ?? '' });
  }
  const clock = () => clients.clock.now();
  const tokens = new TableTokens(dynamodb, table.name);
  const urls = new QueueUrls(sqs, settings.prefix);
  const queue = new AwsJobQueue(sqs, urls);
  const count = new UnfinishedCount(dynamodb, table.name, clock, countMs);
  return {
    jobs: new AwsJobStore(dynamodb, table.name, tokens, count, clock),
    events: new AwsEventLog(dynamodb, table.name, clock),
    queue,
    objects: new AwsObjectStore(s3, signer, bucket.name, tokens, clock),
    workers: new AwsWorkerRegistry(dynamodb, table.name, clock),
    async verify() {
      const lanes = queues.flatMap(({ lane }) => [urls.lane(lane), urls.deadLetters(lane)]);
      await Promise.all([
        dynamodb.send(new DescribeTableCommand({ TableName: table.name })),
        ...lanes,
        headBucket(),
      ]);
    },
    async close() {
      queue.close();
      clients.close();
    },
  };

  async function headBucket(): Promise<void> {
    try {
      await s3.send(new HeadBucketCommand({ Bucket: bucket.name }));
    } catch (error) {
      // The reply to a HEAD has no body that could say more.
      if (!isNamed(error, 'NotFound')) throw error;
      throw new StorageError(`there is no bucket ${bucket.name}: was it provisioned (npm run provision)?`, {
        cause: error,
      });
    }
  }
}
