import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { StorageError } from '../../core/errors.ts';

// The table is our own, so an attribute of another type means a foreign or damaged item: a StorageError.

export type Item = Record<string, AttributeValue>;

export const S = (value: string): AttributeValue => ({ S: value });
export const N = (value: number): AttributeValue => ({ N: String(value) });

/** The attributes that are not undefined. */
export function itemOf(attributes: Record<string, AttributeValue | undefined>): Item {
  const item: Item = {};
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) item[name] = value;
  return item;
}

export function text(item: Item, name: string): string {
  const value = item[name]?.S;
  if (value === undefined) throw damaged(item, name, 'a string');
  return value;
}

export function integer(item: Item, name: string): number {
  const value = Number(item[name]?.N ?? Number.NaN);
  if (!Number.isSafeInteger(value)) throw damaged(item, name, 'a whole number');
  return value;
}

/** An attribute of JSON that this program wrote; `T` is what it wrote. */
export function json<T>(item: Item, name: string): T {
  const value = text(item, name);
  try {
    return JSON.parse(value) as T;
  } catch (error) {
    throw new StorageError(
      `${nameOf(item)}: ${name} is damaged: expected JSON of ${value.length} characters`,
      {
        cause: error,
      },
    );
  }
}

/** Whether the time an item is kept is over; DynamoDB removes it some days after. */
export function isExpired(item: Item, now: number): boolean {
  return item.expires_at !== undefined && integer(item, 'expires_at') <= seconds(now);
}

/** Milliseconds since 1970 in the whole seconds that `expires_at` has. */
export function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}

function damaged(item: Item, name: string, expected: string): StorageError {
  const found = item[name] === undefined ? 'nothing' : Object.keys(item[name]).join();
  return new StorageError(`${nameOf(item)}: ${name} is damaged: expected ${expected}, found ${found}`);
}

function nameOf(item: Item): string {
  return `the item ${item.pk?.S}, ${item.sk?.S}`;
}
