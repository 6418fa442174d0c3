import { randomUUID } from 'node:crypto';
import {
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
} from '@aws-sdk/client-dynamodb';
import { ContentionError, StorageError } from '../../core/errors.ts';
import type { JobRecord } from '../../core/job/record.ts';
import type { JobFilter, JobStore, JobSummary, Page } from '../../core/ports.ts';
import { attemptsOf } from './errors.ts';
import { type Item, integer, isExpired, N, S, seconds, text } from './item.ts';
import { duePartition, jobItem, jobKey, recordOf, shards } from './job-item.ts';
import { JobList } from './job-list.ts';
import { pause } from './pause.ts';
import { indexes } from './resources.ts';
import type { TableTokens } from './table-tokens.ts';
import type { UnfinishedCount } from './unfinished-count.ts';

/**
 * The id is free. Of two submits of one id at the same time, the second finds the first's record instead of
 * writing over it. A record whose time is over counts as gone, though DynamoDB may remove it days later.
 */
const idIsFree = 'attribute_not_exists(pk) OR expires_at <= :seconds';

/**
 * The record is the one that the change was decided from. A worker, a canceller and any number of sweepers may
 * decide from one version at the same time: the first is stored, and the others are told.
 */
const versionIsExpected =
  'version = :version AND (attribute_not_exists(expires_at) OR expires_at > :seconds)';

/** An insert finds the id taken and then free so often at most: somebody inserts and removes without end. */
const INSERT_ATTEMPTS = 3;

/** BatchGetItem takes so many keys. */
const BATCH = 100;

/** Records that a batch left out (16 MB, or throttled) are asked for again so often. */
const BATCH_ATTEMPTS = 6;

/** Jobs in one table, a record to an item; see resources.ts. */
export class AwsJobStore implements JobStore {
  readonly #dynamodb: DynamoDBClient;
  readonly #table: string;
  readonly #clock: () => number;
  readonly #list: JobList;
  readonly #count: UnfinishedCount;

  constructor(
    dynamodb: DynamoDBClient,
    table: string,
    tokens: TableTokens,
    count: UnfinishedCount,
    clock: () => number,
  ) {
    this.#dynamodb = dynamodb;
    this.#table = table;
    this.#clock = clock;
    this.#list = new JobList(dynamodb, table, tokens, clock);
    this.#count = count;
  }

  async insert(record: JobRecord): Promise<{ inserted: true } | { inserted: false; existing: JobRecord }> {
    for (let attempt = 0; attempt < INSERT_ATTEMPTS; attempt++) {
      const outcome = await this.#put(record, idIsFree, {});
      if (outcome === 'stored') return { inserted: true };
      if (outcome !== null) return { inserted: false, existing: recordOf(outcome) };
    }
    throw new ContentionError(`job ${record.job_id} is inserted and removed again and again`);
  }

  async get(jobId: string): Promise<JobRecord | null> {
    const item = await this.#read(jobId);
    return item === null ? null : recordOf(item);
  }

  async replace(
    record: JobRecord,
    expectedVersion: number,
  ): Promise<{ replaced: true } | { replaced: false; current: JobRecord | null }> {
    const outcome = await this.#put(record, versionIsExpected, { ':version': N(expectedVersion) });
    if (outcome === 'stored') return { replaced: true };
    return { replaced: false, current: outcome === null ? null : recordOf(outcome) };
  }

  async remove(jobId: string, expectedVersion: number): Promise<boolean> {
    try {
      await this.#dynamodb.send(
        new DeleteItemCommand({
          TableName: this.#table,
          Key: jobKey(jobId),
          ConditionExpression: versionIsExpected,
          ExpressionAttributeValues: { ':version': N(expectedVersion), ...this.#now() },
        }),
      );
      return true;
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      // Sent more than once and gone: it was ours that removed it, and the reply that was lost.
      return attemptsOf(error) > 1 && (await this.#stored(jobId)) === undefined;
    }
  }

  list(filter: JobFilter, limit: number, pageToken: string | null): Promise<Page<JobSummary>> {
    return this.#list.page(filter, limit, pageToken);
  }

  /** The index says which jobs; the records are read from the table, so that none is older than the index. */
  async due(now: number, limit: number): Promise<readonly JobRecord[]> {
    const partitions = [false, true].flatMap((held) => shards.map((shard) => duePartition(shard, held)));
    const [found] = await Promise.all([
      Promise.all(partitions.map((partition) => this.#duePage(partition, now, limit))),
      // Whoever sweeps counts: so a submit need not.
      this.#count.refresh(),
    ]);
    const items = found.flat().sort((a, b) => integer(a, 'due_at') - integer(b, 'due_at'));
    const records = await this.#readAll(items.slice(0, limit));
    return records
      .filter((record) => record.due_at !== null && record.due_at <= now)
      .sort((a, b) => (a.due_at ?? 0) - (b.due_at ?? 0));
  }

  unfinished(): Promise<number> {
    return this.#count.value();
  }

  now(): number {
    return this.#clock();
  }

  /** Stores the record where the condition holds; else gives the item that is there, null when there is none. */
  async #put(record: JobRecord, condition: string, values: Item): Promise<'stored' | Item | null> {
    const writeId = randomUUID();
    try {
      await this.#dynamodb.send(
        new PutItemCommand({
          TableName: this.#table,
          Item: jobItem(record, writeId, this.#clock()),
          ConditionExpression: condition,
          ExpressionAttributeValues: { ...values, ...this.#now() },
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      );
      return 'stored';
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      const found = error.Item ?? (await this.#read(record.job_id));
      if (found === null || isExpired(found, this.#clock())) return null;
      // The SDK sent it again after a reply was lost, and met its own first write.
      return text(found, 'write_id') === writeId ? 'stored' : found;
    }
  }

  async #read(jobId: string): Promise<Item | null> {
    const item = await this.#stored(jobId);
    return item === undefined || isExpired(item, this.#clock()) ? null : item;
  }

  /** What is in the table, be its time over or not. */
  async #stored(jobId: string): Promise<Item | undefined> {
    const { Item: item } = await this.#dynamodb.send(
      new GetItemCommand({ TableName: this.#table, Key: jobKey(jobId), ConsistentRead: true }),
    );
    return item;
  }

  async #duePage(partition: string, now: number, limit: number): Promise<Item[]> {
    const { Items: items = [] } = await this.#dynamodb.send(
      new QueryCommand({
        TableName: this.#table,
        IndexName: indexes.due,
        KeyConditionExpression: 'due_shard = :partition AND due_at <= :now',
        ExpressionAttributeValues: { ':partition': S(partition), ':now': N(Math.floor(now)) },
        Limit: limit,
      }),
    );
    return items;
  }

  async #readAll(items: readonly Item[]): Promise<JobRecord[]> {
    const keys = items.map((item) => ({ pk: S(text(item, 'pk')), sk: S(text(item, 'sk')) }));
    const batches: (typeof keys)[] = [];
    for (let at = 0; at < keys.length; at += BATCH) batches.push(keys.slice(at, at + BATCH));
    return (await Promise.all(batches.map((batch) => this.#readBatch(batch)))).flat().map(recordOf);
  }

  async #readBatch(keys: Item[]): Promise<Item[]> {
    const found: Item[] = [];
    let left = keys;
    for (let attempt = 0; attempt < BATCH_ATTEMPTS; attempt++) {
      if (attempt > 0) await pause(attempt);
      const reply = await this.#dynamodb.send(
        new BatchGetItemCommand({ RequestItems: { [this.#table]: { Keys: left, ConsistentRead: true } } }),
      );
      found.push(...(reply.Responses?.[this.#table] ?? []));
      left = reply.UnprocessedKeys?.[this.#table]?.Keys ?? [];
      if (left.length === 0) return found;
    }
    throw new StorageError(
      `DynamoDB left ${left.length} of ${keys.length} records out, asked ${BATCH_ATTEMPTS} times`,
    );
  }

  #now() {
    return { ':seconds': N(seconds(this.#clock())) };
  }
}
