import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { indexes } from '../platform/aws/resources.ts';
import type { FunctionName } from './functions.ts';
import type { Storage } from './storage.ts';

/** What one of the programs does with the storage: the calls platform/aws makes for it, and no others. */
type Use = {
  readonly table: readonly string[];
  readonly indexes: readonly string[];
  /** Actions on objects, and the keys' beginnings. */
  readonly objects: readonly string[];
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly lanes: readonly string[];
  readonly dead: readonly string[];
};

const none: Use = { table: [], indexes: [], objects: [], reads: [], writes: [], lanes: [], dead: [] };

const get = ['GetItem'];
const swap = ['GetItem', 'PutItem'];
const send = ['GetQueueUrl', 'SendMessage'];

/**
 * `Query` on the table itself lists the live workers; `UpdateItem` keeps the count of jobs and makes the key of
 * page tokens. A worker sweeps as well, and asks at its start whether everything is there.
 */
const uses: Readonly<Record<FunctionName | 'worker', Use>> = {
  submit: {
    ...none,
    table: [...swap, 'Query'],
    writes: ['documents/*', 'results/*'],
    lanes: send,
  },
  list: { ...none, table: ['GetItem', 'UpdateItem'], indexes: [indexes.all, indexes.byStatus] },
  status: { ...none, table: get, reads: ['documents/*'] },
  result: { ...none, table: get, reads: ['results/*'] },
  capabilities: { ...none, table: ['Query'] },
  health: { ...none, table: get, reads: ['health-probe'] },
  fallback: none,
  sweep: {
    ...none,
    table: [...swap, 'UpdateItem', 'Query', 'BatchGetItem'],
    indexes: [indexes.due],
    writes: ['results/*'],
    lanes: send,
  },
  worker: {
    ...none,
    table: [...swap, 'UpdateItem', 'DeleteItem', 'Query', 'BatchGetItem', 'DescribeTable'],
    indexes: [indexes.due],
    // Results too: of an upload whose reply was lost it asks what is there.
    reads: ['documents/*', 'results/*'],
    writes: ['results/*'],
    lanes: [...send, 'ReceiveMessage', 'ChangeMessageVisibility', 'DeleteMessage', 'GetQueueAttributes'],
    dead: send,
  },
};

/** What the services do with a customer's key in a caller's name. */
const keyActions = ['Decrypt', 'DescribeKey', 'Encrypt', 'GenerateDataKey', 'ReEncryptFrom', 'ReEncryptTo'];

/** The statements of a program's policy. */
export function rightsOf(name: FunctionName | 'worker', storage: Storage): PolicyStatement[] {
  const use = uses[name];
  const { table, bucket, lanes, key } = storage;
  const statements = [
    statement('dynamodb', use.table, [table.tableArn]),
    statement(
      'dynamodb',
      ['Query'],
      use.indexes.map((index) => `${table.tableArn}/index/${index}`),
    ),
    statement(
      's3',
      ['GetObject'],
      use.reads.map((keys) => bucket.arnForObjects(keys)),
    ),
    // Without it S3 tells of a missing object that access is denied.
    statement('s3', use.reads.length > 0 ? ['ListBucket'] : [], [bucket.bucketArn]),
    statement(
      's3',
      ['PutObject', 'AbortMultipartUpload'],
      use.writes.map((keys) => bucket.arnForObjects(keys)),
    ),
    statement('s3', name === 'submit' ? ['DeleteObject'] : [], [bucket.arnForObjects('documents/*')]),
    statement(
      'sqs',
      use.lanes,
      lanes.map(({ queue }) => queue.queueArn),
    ),
    statement(
      'sqs',
      use.dead,
      lanes.map(({ dead }) => dead.queueArn),
    ),
  ];
  if (key !== null && use !== none) statements.push(statement('kms', keyActions, [key.keyArn]));
  return statements.filter((made) => made !== null);
}

function statement(
  service: string,
  actions: readonly string[],
  on: readonly string[],
): PolicyStatement | null {
  if (actions.length === 0 || on.length === 0) return null;
  return new PolicyStatement({
    actions: actions.map((action) => `${service}:${action}`),
    resources: [...on],
  });
}
