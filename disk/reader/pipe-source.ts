import type { Range, Source } from '../device.ts';
import { DiskError, type DiskErrorKind, limit } from '../error.ts';
import { fill, writeAll } from './pipe.ts';
import {
  decodeReply,
  encodeRequest,
  maxRequestLength,
  type Request,
  replyBytes,
  requestBytes,
  type Status,
} from './protocol.ts';

/** The broker closed the pipe or broke the protocol: nobody is left to read for, and the child ends. */
export class BrokerGone extends Error {}

/** The two pipes to the broker, shared by all sources of a child. */
export class Channel {
  readonly #requests: number;
  readonly #replies: number;
  readonly #request = Buffer.alloc(requestBytes);
  readonly #head = Buffer.alloc(replyBytes);
  #id = 0;

  constructor(pipes: { requests: number; replies: number }) {
    this.#requests = pipes.requests;
    this.#replies = pipes.replies;
  }

  /** Reads at most {@link maxRequestLength} bytes; gives the broker's refusal, or null where `to` is filled. */
  read(source: number, to: Uint8Array, offset: number): { status: Status; message: string } | null {
    const id = this.#send({ op: 'read', source, offset, length: to.length });
    this.#receive(this.#head);
    const reply = decodeReply(this.#head);
    if (reply === null || reply.id !== id) throw new BrokerGone('a reply to another request');
    if (reply.status === 'ok') {
      if (reply.length !== to.length) throw new BrokerGone('a reply of another length');
      this.#receive(to);
      return null;
    }
    const message = Buffer.alloc(reply.length);
    this.#receive(message);
    return { status: reply.status, message: message.toString('utf8') };
  }

  prefetch(source: number, offset: number, length: number): void {
    this.#send({ op: 'prefetch', source, offset, length });
  }

  #send(request: Omit<Request, 'id'>): number {
    this.#id = (this.#id + 1) >>> 0;
    encodeRequest(this.#request, { id: this.#id, ...request });
    try {
      writeAll(this.#requests, this.#request);
    } catch (cause) {
      throw new BrokerGone('the request pipe is closed', { cause });
    }
    return this.#id;
  }

  #receive(to: Uint8Array): void {
    if (!fill(this.#replies, to)) throw new BrokerGone('the reply pipe is closed');
  }
}

const kinds: Record<Exclude<Status, 'ok' | 'limit'>, DiskErrorKind> = {
  io: 'io',
  refused: 'io',
  changed: 'changed',
};

/** A stored image behind the broker; each read is a request and a blocking wait for its bytes. */
export class PipeSource implements Source {
  readonly size: number;
  readonly #channel: Channel;
  readonly #index: number;

  constructor(channel: Channel, index: number, size: number) {
    this.#channel = channel;
    this.#index = index;
    this.size = size;
  }

  readInto(to: Uint8Array, offset: number): void {
    if (!Number.isSafeInteger(offset) || offset < 0 || offset + to.length > this.size) {
      const expected = `a read inside ${this.size} bytes`;
      throw this.#error('io', offset, expected, `${to.length} bytes at ${offset}`);
    }
    for (let done = 0; done < to.length; done += maxRequestLength) {
      const piece = to.subarray(done, done + maxRequestLength);
      const refusal = this.#channel.read(this.#index, piece, offset + done);
      if (refusal === null) continue;
      const { status, message } = refusal;
      if (status === 'limit') throw limit('source', 'maxBytesRead', message);
      const kind = status === 'ok' ? 'io' : kinds[status];
      throw this.#error(kind, offset + done, `${piece.length} bytes`, message);
    }
  }

  prefetch(ranges: readonly Range[]): void {
    for (const { offset, length } of ranges) {
      if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length)) continue;
      const end = Math.min(offset + length, this.size, offset + 0xffff_ffff);
      if (offset >= 0 && end > offset) this.#channel.prefetch(this.#index, offset, end - offset);
    }
  }

  #error(kind: DiskErrorKind, offset: number, expected: string, found: string): DiskError {
    const image = { source: this.#index, offset };
    return new DiskError({ kind, layer: 'source', at: offset, image, expected, found });
  }
}
