import { randomBytes } from 'node:crypto';
import { type DynamoDBClient, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { StorageError } from '../../core/errors.ts';
import { PageTokens } from '../../core/page-token.ts';
import { S } from './item.ts';

const KEY_BYTES = 32;
const itemKey = { pk: S('S'), sk: S('page-tokens') };

/**
 * The seal of page tokens, with a key that all processes share: random, made once, kept in the table. A token
 * is a position in a list and opens nothing, so who may read the table may well know the key.
 */
export class TableTokens {
  readonly #dynamodb: DynamoDBClient;
  readonly #table: string;
  #tokens: Promise<PageTokens> | null = null;

  constructor(dynamodb: DynamoDBClient, table: string) {
    this.#dynamodb = dynamodb;
    this.#table = table;
  }

  /** Reads the key at the first call, and makes it where there is none. */
  get(): Promise<PageTokens> {
    if (this.#tokens === null) {
      const tokens = this.#load();
      this.#tokens = tokens;
      tokens.catch(() => {
        this.#tokens = null;
      });
    }
    return this.#tokens;
  }

  async #load(): Promise<PageTokens> {
    const key = (await this.#read()) ?? (await this.#make());
    if (key.length !== KEY_BYTES) {
      throw new StorageError(
        `the key of page tokens is damaged: expected ${KEY_BYTES} bytes, found ${key.length}`,
      );
    }
    return new PageTokens(key);
  }

  async #read(): Promise<Uint8Array | null> {
    const { Item: item } = await this.#dynamodb.send(
      new GetItemCommand({ TableName: this.#table, Key: itemKey, ConsistentRead: true }),
    );
    return item === undefined ? null : (item.secret?.B ?? new Uint8Array());
  }

  /** The first process to come makes it; one that comes at the same time gets the first's. */
  async #make(): Promise<Uint8Array> {
    const { Attributes: attributes } = await this.#dynamodb.send(
      new UpdateItemCommand({
        TableName: this.#table,
        Key: itemKey,
        UpdateExpression: 'SET secret = if_not_exists(secret, :secret)',
        ExpressionAttributeValues: { ':secret': { B: randomBytes(KEY_BYTES) } },
        ReturnValues: 'ALL_NEW',
      }),
    );
    return attributes?.secret?.B ?? new Uint8Array();
  }
}
