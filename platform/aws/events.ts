import {
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  PutItemCommand,
  QueryCommand,
} from '@aws-sdk/client-dynamodb';
import { StorageError } from '../../core/errors.ts';
import type { EventLog, EventSequence, JobEvent } from '../../core/ports.ts';
import { type Item, integer, isExpired, json, N, S } from './item.ts';
import { expiry } from './job-item.ts';
import { pause } from './pause.ts';

/** Of two writers of one version the first is kept, whole; the second learns nothing, as the port has it. */
const versionIsNew = 'attribute_not_exists(pk)';

/** BatchWriteItem takes so many. */
const BATCH = 25;
const BATCH_ATTEMPTS = 6;

type Sequenced = JobEvent & { readonly sequence: EventSequence };

/** Events in batches, one item for each version of a job's record, beside the record. */
export class AwsEventLog implements EventLog {
  readonly #dynamodb: DynamoDBClient;
  readonly #table: string;
  readonly #clock: () => number;

  constructor(dynamodb: DynamoDBClient, table: string, clock: () => number) {
    this.#dynamodb = dynamodb;
    this.#table = table;
    this.#clock = clock;
  }

  async append(jobId: string, events: readonly JobEvent[], version: number): Promise<void> {
    if (events.length === 0) return;
    try {
      await this.#dynamodb.send(
        new PutItemCommand({
          TableName: this.#table,
          Item: {
            pk: partition(jobId),
            sk: S(sortKey(version)),
            version: N(version),
            events: S(JSON.stringify(events)),
            expires_at: N(expiry(this.#clock())),
          },
          ConditionExpression: versionIsNew,
        }),
      );
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    }
  }

  async after(jobId: string, sequence: EventSequence | null, limit: number): Promise<readonly Sequenced[]> {
    const found: Sequenced[] = [];
    // The batch of the last event seen may hold more; each further one holds at least one event.
    for await (const item of this.#batches(jobId, sequence?.version ?? 0, limit + 1)) {
      if (isExpired(item, this.#clock())) continue;
      const version = integer(item, 'version');
      for (const [index, event] of json<JobEvent[]>(item, 'events').entries()) {
        if (sequence !== null && version === sequence.version && index <= sequence.index) continue;
        found.push({ ...event, sequence: { version, index } });
      }
      if (found.length >= limit) break;
    }
    return found.slice(0, limit);
  }

  async remove(jobId: string): Promise<void> {
    const keys: Item[] = [];
    for await (const { pk, sk } of this.#batches(jobId, 0, 1000)) if (pk && sk) keys.push({ pk, sk });
    for (let at = 0; at < keys.length; at += BATCH) await this.#removeBatch(keys.slice(at, at + BATCH));
  }

  async *#batches(jobId: string, fromVersion: number, pageSize: number): AsyncGenerator<Item> {
    let start: Item | undefined;
    do {
      const reply = await this.#dynamodb.send(
        new QueryCommand({
          TableName: this.#table,
          ConsistentRead: true,
          KeyConditionExpression: 'pk = :job AND sk BETWEEN :from AND :to',
          ExpressionAttributeValues: {
            ':job': partition(jobId),
            ':from': S(sortKey(fromVersion)),
            ':to': S('E#~'),
          },
          Limit: pageSize,
          ExclusiveStartKey: start,
        }),
      );
      yield* reply.Items ?? [];
      start = reply.LastEvaluatedKey;
    } while (start !== undefined);
  }

  async #removeBatch(keys: readonly Item[]): Promise<void> {
    let left = keys.map((Key) => ({ DeleteRequest: { Key } }));
    for (let attempt = 0; attempt < BATCH_ATTEMPTS; attempt++) {
      if (attempt > 0) await pause(attempt);
      const reply = await this.#dynamodb.send(
        new BatchWriteItemCommand({ RequestItems: { [this.#table]: left } }),
      );
      const unprocessed = reply.UnprocessedItems?.[this.#table] ?? [];
      if (unprocessed.length === 0) return;
      left = left.filter(({ DeleteRequest: { Key } }) =>
        unprocessed.some((one) => one.DeleteRequest?.Key?.sk?.S === Key.sk?.S),
      );
    }
    throw new StorageError(
      `DynamoDB left ${left.length} batches of events where they were, asked ${BATCH_ATTEMPTS} times`,
    );
  }
}

function partition(jobId: string) {
  return S(`J#${jobId}`);
}

/** In the order of the versions: ten digits, more than a job's writes in a century. */
function sortKey(version: number): string {
  return `E#${String(version).padStart(10, '0')}`;
}
