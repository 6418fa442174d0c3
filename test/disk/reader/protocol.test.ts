import { describe, expect, test } from 'vitest';
import {
  decodeReply,
  decodeRequest,
  encodeReply,
  encodeRequest,
  encodeStart,
  maxMessageLength,
  maxRequestLength,
  maxStartLength,
  type Reply,
  type Request,
  replyBytes,
  requestBytes,
} from '../../../disk/reader/protocol.ts';

const requests: Request[] = [
  { id: 0, op: 'read', source: 0, offset: 0, length: 1 },
  { id: 2 ** 32 - 1, op: 'read', source: 65535, offset: Number.MAX_SAFE_INTEGER, length: maxRequestLength },
  { id: 7, op: 'prefetch', source: 3, offset: 2 ** 32, length: 2 ** 32 - 1 },
];
const replies: Reply[] = [
  { id: 2 ** 32 - 1, status: 'ok', length: maxRequestLength },
  { id: 1, status: 'refused', length: maxMessageLength },
  { id: 1, status: 'io', length: 0 },
  { id: 1, status: 'changed', length: 1 },
  { id: 1, status: 'limit', length: 1 },
];

function request(fields: Partial<Request> = {}): Buffer {
  const frame = Buffer.alloc(requestBytes);
  encodeRequest(frame, { id: 1, op: 'read', source: 0, offset: 0, length: 1, ...fields });
  return frame;
}

function reply(fields: Partial<Reply> = {}): Buffer {
  const frame = Buffer.alloc(replyBytes);
  encodeReply(frame, { id: 1, status: 'ok', length: 1, ...fields });
  return frame;
}

describe('what is written is what is read', () => {
  test.for(requests)('request %o', (fields) => {
    expect(decodeRequest(request(fields))).toEqual(fields);
  });
  test.for(replies)('reply %o', (fields) => {
    expect(decodeReply(reply(fields))).toEqual(fields);
  });
});

test('the layout is fixed', () => {
  const frame = request({ id: 0x01020304, op: 'prefetch', source: 5, offset: 0x1_0000_0002, length: 6 });
  expect(frame.toString('hex')).toBe('04030201' + '0100' + '0500' + '0200000001000000' + '06000000');
  expect(reply({ id: 1, status: 'refused', length: 2 }).toString('hex')).toBe(
    '01000000' + '04000000' + '02000000',
  );
});

describe('what is none is null', () => {
  test.for([
    ['an unknown op', 4, 'ff'],
    ['an offset of 2^53', 8, '0000000000002000'],
    ['the greatest offset', 8, 'ffffffffffffffff'],
    ['no length', 16, '00000000'],
    ['a length above the bound', 16, '01001000'],
  ] as const)('request with %s', ([, at, hex]) => {
    const frame = request();
    frame.write(hex, at, 'hex');
    expect(decodeRequest(frame)).toBeNull();
  });
  test.for([
    ['an unknown status', reply().fill(9, 4, 5)],
    ['too many bytes', reply({ length: maxRequestLength + 1 })],
    ['too long a message', reply({ status: 'io', length: maxMessageLength + 1 })],
  ] as const)('reply with %s', ([, frame]) => {
    expect(decodeReply(frame)).toBeNull();
  });
});

test('a start above its bound is not sent', () => {
  const limits = {
    maxBytesRead: 0,
    maxVirtualSize: 0,
    maxEntries: 0,
    maxDepth: 0,
    maxFileBytes: 0,
    maxSymlinks: 0,
    cacheBytes: 0,
  };
  const options = {
    include_packages: true,
    include_services: true,
    include_users: true,
    include_network: true,
    include_storage: true,
  };
  const sizes = Array<number>(maxStartLength).fill(1);
  expect(() => encodeStart({ request: { images: [], options, limits }, sizes })).toThrow(RangeError);
});
