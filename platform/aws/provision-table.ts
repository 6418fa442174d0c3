import {
  CreateTableCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  type DynamoDBClient,
  type KeySchemaElement,
  type TableDescription,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { StorageError } from '../../core/errors.ts';
import { isNamed } from './errors.ts';
import { pause } from './pause.ts';
import type { IndexResource, KeyAttribute, TableResource } from './resources.ts';
import { unlessUnbuilt } from './unbuilt.ts';

type Keyed = { readonly partitionKey: KeyAttribute; readonly sortKey: KeyAttribute };

/** Looks at a new table so often, longer and longer between, for a minute and a half in all. */
const LOOKS = 11;

/** Makes the table where there is none, waits until it can be used, and switches its time to live on. */
export async function provisionTable(
  dynamodb: DynamoDBClient,
  table: TableResource,
  note: (line: string) => void,
): Promise<void> {
  const existing = await describe(dynamodb, table.name);
  if (existing === null) {
    await create(dynamodb, table);
    note(`table ${table.name}: made`);
  } else {
    requireSame(existing, table);
    note(`table ${table.name}: is there`);
  }
  await usable(dynamodb, table.name);
  await unlessUnbuilt(dynamodb, `table ${table.name}: time to live`, note, () => timeToLive(dynamodb, table));
}

async function describe(dynamodb: DynamoDBClient, name: string): Promise<TableDescription | null> {
  try {
    const { Table: found } = await dynamodb.send(new DescribeTableCommand({ TableName: name }));
    return found ?? null;
  } catch (error) {
    if (isNamed(error, 'ResourceNotFoundException')) return null;
    throw error;
  }
}

async function create(dynamodb: DynamoDBClient, table: TableResource): Promise<void> {
  const keys = [table, ...table.indexes].flatMap(({ partitionKey, sortKey }) => [partitionKey, sortKey]);
  const types = new Map(keys.map(({ name, type }) => [name, type]));
  try {
    await dynamodb.send(
      new CreateTableCommand({
        TableName: table.name,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [...types].map(([AttributeName, AttributeType]) => ({
          AttributeName,
          AttributeType,
        })),
        KeySchema: keySchema(table),
        GlobalSecondaryIndexes: table.indexes.map((index) => ({
          IndexName: index.name,
          KeySchema: keySchema(index),
          Projection:
            index.projected.length === 0
              ? { ProjectionType: 'KEYS_ONLY' as const }
              : { ProjectionType: 'INCLUDE' as const, NonKeyAttributes: [...index.projected] },
        })),
      }),
    );
  } catch (error) {
    // Somebody else provisions at the same time.
    if (!isNamed(error, 'ResourceInUseException')) throw error;
  }
}

function keySchema({ partitionKey, sortKey }: Keyed): KeySchemaElement[] {
  return [
    { AttributeName: partitionKey.name, KeyType: 'HASH' },
    { AttributeName: sortKey.name, KeyType: 'RANGE' },
  ];
}

/** Keys cannot be changed, and an index of a table in use takes hours to fill: that is an operator's decision. */
function requireSame(found: TableDescription, table: TableResource): void {
  const shape = (keys: readonly KeySchemaElement[] | undefined) =>
    (keys ?? []).map(({ AttributeName, KeyType }) => `${KeyType} ${AttributeName}`).join();
  const differs = (name: string, keys: readonly KeySchemaElement[] | undefined, wanted: Keyed) => {
    const [expected, actual] = [shape(keySchema(wanted)), shape(keys)];
    if (expected === actual) return;
    throw new StorageError(
      `${name} is there with other keys: expected ${expected}, found ${actual || 'none'}`,
    );
  };
  differs(`the table ${table.name}`, found.KeySchema, table);
  for (const index of table.indexes) differs(...indexKeys(found, table, index));
}

function indexKeys(
  found: TableDescription,
  table: TableResource,
  index: IndexResource,
): [string, KeySchemaElement[] | undefined, IndexResource] {
  const there = found.GlobalSecondaryIndexes?.find(({ IndexName }) => IndexName === index.name);
  return [`the index ${index.name} of the table ${table.name}`, there?.KeySchema, index];
}

async function usable(dynamodb: DynamoDBClient, name: string): Promise<void> {
  for (let look = 1; look <= LOOKS; look++) {
    const found = await describe(dynamodb, name);
    const indexes = found?.GlobalSecondaryIndexes ?? [];
    if (found?.TableStatus === 'ACTIVE' && indexes.every(({ IndexStatus }) => IndexStatus === 'ACTIVE'))
      return;
    await pause(look);
  }
  throw new StorageError(`the table ${name} was made and cannot be used yet: try again later`);
}

/** Asked for first: DynamoDB refuses to switch on what is on. */
async function timeToLive(dynamodb: DynamoDBClient, table: TableResource): Promise<void> {
  const { TimeToLiveDescription: found } = await dynamodb.send(
    new DescribeTimeToLiveCommand({ TableName: table.name }),
  );
  if (found?.TimeToLiveStatus === 'ENABLED' || found?.TimeToLiveStatus === 'ENABLING') return;
  await dynamodb.send(
    new UpdateTimeToLiveCommand({
      TableName: table.name,
      TimeToLiveSpecification: { AttributeName: table.ttlAttribute, Enabled: true },
    }),
  );
}
