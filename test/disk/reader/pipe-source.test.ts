import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { BrokerGone, Channel, PipeSource } from '../../../disk/reader/pipe-source.ts';
import { encodeReply, type Reply, replyBytes } from '../../../disk/reader/protocol.ts';
import { run } from '../../support/run.ts';
import { scratch } from '../../support/scratch.ts';

/** A source whose broker has said these bytes ahead; what it asks stays unread. */
async function sourceAfter(said: Uint8Array, size = 2 ** 40): Promise<PipeSource> {
  const folder = await scratch();
  const [requests, replies] = [join(folder, 'requests'), join(folder, 'replies')];
  await run('mkfifo', [requests, replies]);
  const asks = openSync(requests, constants.O_RDWR);
  const both = openSync(replies, constants.O_RDWR);
  const answers = openSync(replies, constants.O_RDONLY);
  onTestFinished(() => [asks, answers].forEach((fd) => void closeSync(fd)));
  writeSync(both, said);
  closeSync(both);
  return new PipeSource(new Channel({ requests: asks, replies: answers }), 2, size);
}

function reply(fields: Partial<Reply>, body: string): Buffer {
  const frame = Buffer.alloc(replyBytes);
  encodeReply(frame, { id: 1, status: 'ok', length: body.length, ...fields });
  return Buffer.concat([frame, Buffer.from(body)]);
}

test('a reply fills the buffer', async () => {
  const source = await sourceAfter(reply({}, 'hello'));
  const to = new Uint8Array(5);
  source.readInto(to, 12);
  expect(Buffer.from(to).toString()).toBe('hello');
});

test.for([
  ['io', 'io', 'EIO', { layer: 'source', at: 12, image: { source: 2, offset: 12 }, found: 'EIO' }],
  ['refused', 'io', 'no', { at: 12 }],
  ['changed', 'changed', 'short', { at: 12, image: { source: 2, offset: 12 } }],
  ['limit', 'limit', '9 of 9', { expected: 'maxBytesRead', found: '9 of 9' }],
] as const)('status %s is a DiskError of kind %s', async ([status, kind, body, more]) => {
  const source = await sourceAfter(reply({ status }, body));
  expect(() => source.readInto(new Uint8Array(5), 12)).toThrow(
    expect.objectContaining({ name: 'DiskError', kind, ...more }),
  );
});

test.for([
  ['nothing', Buffer.alloc(0)],
  ['half a head', reply({}, 'hello').subarray(0, 7)],
  ['half the bytes', reply({}, 'hello').subarray(0, replyBytes + 2)],
  ['another id', reply({ id: 2 }, 'hello')],
  ['another length', reply({}, 'hello!')],
  ['a status that is none', Buffer.alloc(replyBytes, 9)],
] as const)('a broker that says %s has gone', async ([, said]) => {
  const source = await sourceAfter(said);
  expect(() => source.readInto(new Uint8Array(5), 12)).toThrow(BrokerGone);
});
