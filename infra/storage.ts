import { Aws, Duration, Fn, RemovalPolicy, type Stack } from 'aws-cdk-lib';
import {
  type Attribute,
  AttributeType,
  BillingMode,
  ProjectionType,
  Table,
  TableEncryption,
} from 'aws-cdk-lib/aws-dynamodb';
import { Key } from 'aws-cdk-lib/aws-kms';
import { BlockPublicAccess, Bucket, BucketEncryption, HttpMethods } from 'aws-cdk-lib/aws-s3';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { type KeyAttribute, type QueueResource, resources } from '../platform/aws/resources.ts';
import type { StackSettings } from './settings.ts';

export type LaneQueue = { readonly resource: QueueResource; readonly queue: Queue; readonly dead: Queue };

/** Where jobs live. */
export type Storage = {
  readonly table: Table;
  readonly lanes: readonly LaneQueue[];
  readonly bucket: Bucket;
  /** Null where the services' own keys encrypt. */
  readonly key: Key | null;
};

/** The table, the queues and the bucket of resources.ts. A stack that goes leaves them. */
export function addStorage(stack: Stack, { prefix, pools, customerKey }: StackSettings): Storage {
  // Bucket names are global.
  const bucketName = Fn.join('-', [prefix, 'objects', Aws.ACCOUNT_ID, Aws.REGION]);
  const { table, queues, bucket } = resources(prefix, pools, bucketName);
  const key = customerKey
    ? new Key(stack, 'Key', {
        description: `Disklane: what ${prefix} stores`,
        enableKeyRotation: true,
        removalPolicy: RemovalPolicy.RETAIN,
      })
    : null;

  const jobs = new Table(stack, 'Jobs', {
    tableName: table.name,
    partitionKey: attribute(table.partitionKey),
    sortKey: attribute(table.sortKey),
    billingMode: BillingMode.PAY_PER_REQUEST,
    timeToLiveAttribute: table.ttlAttribute,
    ...(key === null
      ? { encryption: TableEncryption.DEFAULT }
      : { encryption: TableEncryption.CUSTOMER_MANAGED, encryptionKey: key }),
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    deletionProtection: true,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  for (const { name, partitionKey, sortKey, projected } of table.indexes) {
    jobs.addGlobalSecondaryIndex({
      indexName: name,
      partitionKey: attribute(partitionKey),
      sortKey: attribute(sortKey),
      ...(projected.length === 0
        ? { projectionType: ProjectionType.KEYS_ONLY }
        : { projectionType: ProjectionType.INCLUDE, nonKeyAttributes: [...projected] }),
    });
  }

  const objects = new Bucket(stack, 'Objects', {
    bucketName,
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    enforceSSL: true,
    ...(key === null
      ? { encryption: BucketEncryption.S3_MANAGED }
      : { encryption: BucketEncryption.KMS, encryptionKey: key, bucketKeyEnabled: true }),
    removalPolicy: RemovalPolicy.RETAIN,
    lifecycleRules: bucket.lifecycle.map(
      ({ id, prefix: begins, expireAfterDays, abortUploadsAfterDays }) => ({
        id,
        ...(begins !== '' && { prefix: begins }),
        ...(expireAfterDays !== undefined && { expiration: Duration.days(expireAfterDays) }),
        ...(abortUploadsAfterDays !== undefined && {
          abortIncompleteMultipartUploadAfter: Duration.days(abortUploadsAfterDays),
        }),
      }),
    ),
    cors: [
      {
        allowedMethods: bucket.cors.methods.map((method) => HttpMethods[method]),
        allowedOrigins: [...bucket.cors.origins],
        allowedHeaders: [...bucket.cors.allowedHeaders],
        exposedHeaders: [...bucket.cors.exposedHeaders],
        maxAge: bucket.cors.maxAgeSeconds,
      },
    ],
  });

  return { table: jobs, bucket: objects, key, lanes: queues.map((queue) => addLane(stack, queue, key)) };
}

function addLane(stack: Stack, resource: QueueResource, key: Key | null): LaneQueue {
  const { lane, name, deadLetter, maxReceiveCount } = resource;
  const id = `${lane.pool}-${lane.band}`;
  const common = {
    enforceSSL: true,
    retentionPeriod: Duration.seconds(resource.retentionSeconds),
    removalPolicy: RemovalPolicy.RETAIN,
    ...(key === null
      ? { encryption: QueueEncryption.SQS_MANAGED }
      : { encryption: QueueEncryption.KMS, encryptionMasterKey: key }),
  };
  const dead = new Queue(stack, `Dead-${id}`, { ...common, queueName: deadLetter.name });
  const queue = new Queue(stack, `Lane-${id}`, {
    ...common,
    queueName: name,
    visibilityTimeout: Duration.seconds(resource.visibilitySeconds),
    receiveMessageWaitTime: Duration.seconds(resource.receiveWaitSeconds),
    deadLetterQueue: { queue: dead, maxReceiveCount },
  });
  return { resource, queue, dead };
}

function attribute({ name, type }: KeyAttribute): Attribute {
  return { name, type: type === 'S' ? AttributeType.STRING : AttributeType.NUMBER };
}
