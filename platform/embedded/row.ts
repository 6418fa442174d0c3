import type { SQLOutputValue } from 'node:sqlite';
import { StorageError } from '../../core/errors.ts';

// The tables are our own, so a value of another type means a damaged file: a StorageError, not a crash.

export type Row = Record<string, SQLOutputValue>;

export function text(row: Row | undefined, column: string): string {
  const value = row?.[column];
  if (typeof value !== 'string') throw damaged(column, 'text', value);
  return value;
}

export function integer(row: Row | undefined, column: string): number {
  const value = row?.[column];
  if (typeof value !== 'number') throw damaged(column, 'a number', value);
  return value;
}

/** A column of JSON that this program wrote; `T` is what it wrote. */
export function json<T>(row: Row | undefined, column: string): T {
  const value = text(row, column);
  try {
    return JSON.parse(value) as T;
  } catch (error) {
    throw new StorageError(`a stored ${column} is damaged: expected JSON of ${value.length} characters`, {
      cause: error,
    });
  }
}

function damaged(column: string, expected: string, found: unknown): StorageError {
  return new StorageError(`a stored ${column} is damaged: expected ${expected}, found ${typeof found}`);
}
