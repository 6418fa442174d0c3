/**
 * What passes between a reader child and its broker. The child asks on one pipe and blocks on the other:
 *
 *     warm up  parent to child         u32 of zero: a spare may use its time
 *     start    broker to child, once   length u32, then that many bytes of JSON ({@link Start})
 *     request  child to broker         id u32, op u16, source u16, offset u64, length u32
 *     reply    broker to child         id u32, status u32, length u32, then that many bytes
 *
 * All little-endian. A reply carries the bytes asked for, or, with any status but `ok`, a message in UTF-8.
 * A prefetch has no reply. Progress and the outcome are lines of JSON on standard output.
 */
import { le16, le32, le64 } from '../bytes.ts';
import type { InspectRequest } from '../inspection.ts';

/** The child's descriptors; it inherits no other but standard error. */
export const descriptors = { outcome: 1, replies: 3, requests: 4 } as const;

export const requestBytes = 20;
export const replyBytes = 12;
export const startHeaderBytes = 4;

/** Most bytes one request may ask for; a longer read is sent as several. */
export const maxRequestLength = 1024 ** 2;
/** Most bytes of a message in a reply that refuses. */
export const maxMessageLength = 512;
/** Most bytes of a result's line: less than the parent takes of all output. */
export const maxResultLength = 48 * 1024 ** 2;
/** Most bytes of the start's JSON. */
export const maxStartLength = 1024 ** 2;

/** What a child is started with: the request, and the size in bytes of each source it may read. */
export type Start = { readonly request: InspectRequest; readonly sizes: readonly number[] };

const ops = ['read', 'prefetch'] as const;

export type Request = {
  readonly id: number;
  readonly op: (typeof ops)[number];
  /** Index of the source. */
  readonly source: number;
  readonly offset: number;
  readonly length: number;
};

/**
 * `io` the source failed; `changed` it has become shorter; `limit` maxBytesRead is used up; `refused` no such
 * source, or not inside it.
 */
const statuses = ['ok', 'io', 'changed', 'limit', 'refused'] as const;
export type Status = (typeof statuses)[number];

export type Reply = { readonly id: number; readonly status: Status; readonly length: number };

const TWO_32 = 0x1_0000_0000;

/** Writes the request into the first {@link requestBytes} bytes of `to`. */
export function encodeRequest(to: Buffer, { id, op, source, offset, length }: Request): void {
  to.writeUInt32LE(id, 0);
  to.writeUInt16LE(ops.indexOf(op), 4);
  to.writeUInt16LE(source, 6);
  to.writeUInt32LE(offset % TWO_32, 8);
  to.writeUInt32LE(Math.floor(offset / TWO_32), 12);
  to.writeUInt32LE(length, 16);
}

/** The request in `from`, or null where it is none: an unknown op, an offset above 2^53 − 1, a bad length. */
export function decodeRequest(from: Uint8Array): Request | null {
  const op = ops[le16(from, 4)];
  const offset = le64(from, 8);
  const length = le32(from, 16);
  if (op === undefined || !Number.isSafeInteger(offset) || length === 0) return null;
  if (op === 'read' && length > maxRequestLength) return null;
  return { id: le32(from, 0), op, source: le16(from, 6), offset, length };
}

/** Writes the reply's head into the first {@link replyBytes} bytes of `to`. */
export function encodeReply(to: Buffer, { id, status, length }: Reply): void {
  to.writeUInt32LE(id, 0);
  to.writeUInt32LE(statuses.indexOf(status), 4);
  to.writeUInt32LE(length, 8);
}

/** The reply's head in `from`, or null where it is none. */
export function decodeReply(from: Uint8Array): Reply | null {
  const status = statuses[le32(from, 4)];
  const length = le32(from, 8);
  if (status === undefined || length > (status === 'ok' ? maxRequestLength : maxMessageLength)) return null;
  return { id: le32(from, 0), status, length };
}

/** A start of no length: asks a spare to warm up. */
export const warmUpFrame: Uint8Array = new Uint8Array(startHeaderBytes);

/** The start as it goes over the pipe. */
export function encodeStart(start: Start): Buffer {
  const json = Buffer.from(JSON.stringify(start), 'utf8');
  if (json.length > maxStartLength) throw new RangeError(`a start request of ${json.length} bytes`);
  const frame = Buffer.allocUnsafe(startHeaderBytes + json.length);
  frame.writeUInt32LE(json.length, 0);
  json.copy(frame, startHeaderBytes);
  return frame;
}
