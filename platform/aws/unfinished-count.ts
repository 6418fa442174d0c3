import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { type Item, integer, N, S } from './item.ts';
import { duePartition, shards } from './job-item.ts';
import { indexes } from './resources.ts';

const itemKey = { pk: S('C'), sk: S('unfinished') };

/** A count looks at so many pages of 1 MB in each shard at most: more than a million jobs. */
const PAGES = 100;

/**
 * Nobody has counted for a while, by anyone's clock. Every sweeper would count otherwise, and a count of a
 * million jobs reads 150 MB.
 */
const countIsOld = 'attribute_not_exists(counted_at) OR counted_at <= :before';

/** Nobody began to count after us, so that a count that took long does not replace a younger one. */
const countIsOurs = 'counted_at = :mine';

/**
 * How many jobs are unfinished: one item of the table. A sweeper counts the index of what is due, once in a
 * while for all processes together; everyone else reads the item as rarely, so that a submit costs no read.
 */
export class UnfinishedCount {
  readonly #dynamodb: DynamoDBClient;
  readonly #table: string;
  readonly #clock: () => number;
  readonly #everyMs: number;
  #known: { readonly at: number; readonly count: Promise<number> } | null = null;
  #refreshedAt = Number.NEGATIVE_INFINITY;

  /** @param everyMs how often it is counted, and read by this process */
  constructor(dynamodb: DynamoDBClient, table: string, clock: () => number, everyMs: number) {
    this.#dynamodb = dynamodb;
    this.#table = table;
    this.#clock = clock;
    this.#everyMs = everyMs;
  }

  /** As it was counted last; 0 where no sweeper ever was. */
  value(): Promise<number> {
    const now = performance.now();
    if (this.#known === null || now - this.#known.at >= this.#everyMs) {
      const known = { at: now, count: this.#read() };
      this.#known = known;
      known.count.catch(() => {
        if (this.#known === known) this.#known = null;
      });
    }
    return this.#known.count;
  }

  /** Counts, when it is time and no other process did. */
  async refresh(): Promise<void> {
    if (performance.now() - this.#refreshedAt < this.#everyMs) return;
    this.#refreshedAt = performance.now();
    const mine = this.#clock();
    const claim = { ':mine': N(mine), ':before': N(mine - this.#everyMs) };
    if (!(await this.#update('SET counted_at = :mine', countIsOld, claim))) return;
    const counts = await Promise.all(shards.map((shard) => this.#countShard(duePartition(shard, false))));
    const unfinished = counts.reduce((sum, count) => sum + count, 0);
    const values = { ':mine': N(mine), ':unfinished': N(unfinished) };
    await this.#update('SET unfinished = :unfinished', countIsOurs, values);
  }

  async #read(): Promise<number> {
    const { Item: item } = await this.#dynamodb.send(
      new GetItemCommand({ TableName: this.#table, Key: itemKey }),
    );
    return item?.unfinished === undefined ? 0 : integer(item, 'unfinished');
  }

  /** Whether the condition held. */
  async #update(update: string, condition: string, values: Item): Promise<boolean> {
    try {
      await this.#dynamodb.send(
        new UpdateItemCommand({
          TableName: this.#table,
          Key: itemKey,
          UpdateExpression: update,
          ConditionExpression: condition,
          ExpressionAttributeValues: values,
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }

  async #countShard(partition: string): Promise<number> {
    let count = 0;
    let from: Item | undefined;
    for (let page = 0; page < PAGES; page++) {
      const reply = await this.#dynamodb.send(
        new QueryCommand({
          TableName: this.#table,
          IndexName: indexes.due,
          Select: 'COUNT',
          KeyConditionExpression: 'due_shard = :partition',
          ExpressionAttributeValues: { ':partition': S(partition) },
          ExclusiveStartKey: from,
        }),
      );
      count += reply.Count ?? 0;
      from = reply.LastEvaluatedKey;
      if (from === undefined) break;
    }
    return count;
  }
}
