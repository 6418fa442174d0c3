import { readSync } from 'node:fs';
import { fill, writeAll } from '../../disk/reader/pipe.ts';
import {
  decodeRequest,
  encodeReply,
  maxMessageLength,
  maxRequestLength,
  type Request,
  replyBytes,
  requestBytes,
  type Status,
} from '../../disk/reader/protocol.ts';

export type ServedSource = { readonly descriptor: number; readonly size: number };

export type ServeTask = {
  readonly kind: 'serve';
  /** Descriptors of the blocking pipes from and to the child. */
  readonly requests: number;
  readonly replies: number;
  /** The start frame, written first. */
  readonly start: Uint8Array;
  readonly sources: readonly ServedSource[];
  /** Bound of the bytes read for the child altogether. */
  readonly maxBytesRead: number;
};

/** `violation`: the child broke the protocol, and nothing more is served. */
export type Served = {
  readonly reads: number;
  readonly bytesRead: number;
  readonly violation: string | null;
};

const buffer = Buffer.allocUnsafeSlow(replyBytes + maxRequestLength);

/**
 * Serves one child until it closes its pipe: every byte it sees of an image passes here, is counted and
 * bounded. Blocks its thread; who wants it to stop kills the child, which closes the pipes.
 *
 * A prefetch is checked and dropped: the kernel reads ahead in local files by itself, and Node cannot advise it.
 */
export function serve(task: ServeTask): Served {
  const { requests, replies, sources, maxBytesRead } = task;
  const frame = Buffer.alloc(requestBytes);
  let reads = 0;
  let bytesRead = 0;
  const done = (violation: string | null): Served => ({ reads, bytesRead, violation });
  try {
    writeAll(replies, task.start);
    while (fill(requests, frame)) {
      const request = decodeRequest(frame);
      if (request === null) return done('a request that is none');
      const source = sources[request.source];
      if (request.op === 'prefetch') {
        if (!isInside(request, source)) return done('a prefetch outside the sources');
        continue;
      }
      if (!isInside(request, source)) {
        refuse(replies, request, 'refused', 'a read outside the sources');
      } else if (bytesRead + request.length > maxBytesRead) {
        refuse(replies, request, 'limit', `${bytesRead} of ${maxBytesRead} bytes were read`);
      } else {
        reads++;
        bytesRead += request.length;
        answer(replies, request, source.descriptor);
      }
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPIPE')) throw error;
  }
  return done(null);
}

function isInside(request: Request, source: ServedSource | undefined): source is ServedSource {
  return source !== undefined && request.offset + request.length <= source.size;
}

function answer(replies: number, request: Request, descriptor: number): void {
  const { id, offset, length } = request;
  const refusal = load(descriptor, offset, length);
  if (refusal !== null) {
    refuse(replies, request, refusal.status, refusal.message);
    return;
  }
  encodeReply(buffer, { id, status: 'ok', length });
  writeAll(replies, buffer.subarray(0, replyBytes + length));
}

/** Reads into the buffer, behind the room for the reply's head; null where all bytes are there. */
function load(
  descriptor: number,
  offset: number,
  length: number,
): { status: Status; message: string } | null {
  try {
    for (let done = 0; done < length; ) {
      const n = readSync(descriptor, buffer, replyBytes + done, length - done, offset + done);
      if (n === 0) return { status: 'changed', message: `the file ends at ${offset + done}` };
      done += n;
    }
    return null;
  } catch (error) {
    return { status: 'io', message: error instanceof Error ? error.message : String(error) };
  }
}

function refuse(replies: number, { id }: Request, status: Status, message: string): void {
  const length = buffer.write(message, replyBytes, maxMessageLength, 'utf8');
  encodeReply(buffer, { id, status, length });
  writeAll(replies, buffer.subarray(0, replyBytes + length));
}
