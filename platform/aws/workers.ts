import {
  DeleteItemCommand,
  type DynamoDBClient,
  PutItemCommand,
  QueryCommand,
} from '@aws-sdk/client-dynamodb';
import type { LiveWorker, WorkerRecord, WorkerRegistry } from '../../core/ports.ts';
import { type Item, integer, json, N, S, seconds } from './item.ts';

/** The one partition of all workers; it takes a thousand beats a second. */
const partition = S('W');

/** The item of a worker that is gone stays for a day, for those who look into the table. */
const KEPT_SECONDS = 86_400;

/** Workers by id; each beat writes the worker's item anew. */
export class AwsWorkerRegistry implements WorkerRegistry {
  readonly #dynamodb: DynamoDBClient;
  readonly #table: string;
  readonly #clock: () => number;

  constructor(dynamodb: DynamoDBClient, table: string, clock: () => number) {
    this.#dynamodb = dynamodb;
    this.#table = table;
    this.#clock = clock;
  }

  async beat(worker: WorkerRecord): Promise<void> {
    const now = this.#clock();
    await this.#dynamodb.send(
      new PutItemCommand({
        TableName: this.#table,
        Item: {
          pk: partition,
          sk: S(worker.worker_id),
          seen_at: N(now),
          record: S(JSON.stringify(worker)),
          expires_at: N(Math.ceil(seconds(now) + worker.time_to_live_seconds + KEPT_SECONDS)),
        },
      }),
    );
  }

  /** DynamoDB keeps the order of the ids. */
  async list(): Promise<readonly LiveWorker[]> {
    const workers: LiveWorker[] = [];
    let start: Item | undefined;
    do {
      const reply = await this.#dynamodb.send(
        new QueryCommand({
          TableName: this.#table,
          ConsistentRead: true,
          KeyConditionExpression: 'pk = :workers',
          ExpressionAttributeValues: { ':workers': partition },
          ExclusiveStartKey: start,
        }),
      );
      for (const item of reply.Items ?? []) {
        workers.push({ ...json<WorkerRecord>(item, 'record'), seen_at: integer(item, 'seen_at') });
      }
      start = reply.LastEvaluatedKey;
    } while (start !== undefined);
    const now = this.#clock();
    return workers.filter(({ seen_at, time_to_live_seconds }) => seen_at + time_to_live_seconds * 1000 > now);
  }

  async remove(workerId: string): Promise<void> {
    await this.#dynamodb.send(
      new DeleteItemCommand({ TableName: this.#table, Key: { pk: partition, sk: S(workerId) } }),
    );
  }
}
