import { GetQueueUrlCommand, ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { expect, test } from 'vitest';
import { createClients } from '../../../platform/aws/clients.ts';
import { newMessage } from '../conformance/subject.ts';
import { jsonFault, provisioned } from './support.ts';

const lane = { pool: 'default', band: 'normal' } as const;
const wait = { max: 10, waitSeconds: 1, visibilitySeconds: 1 };

test.each([
  ['no JSON', 'hello'],
  ['another shape', '{"job_id":"job-00000001"}'],
  ['a wrong type', JSON.stringify({ ...newMessage('job-00000001'), job_id: 7 })],
])(
  'a body that is not ours (%s) is put aside with the reason, and not received again',
  async (_what, body) => {
    const at = await provisioned();
    const { queue } = await at.platform();
    const { sqs } = createClients(at.settings);
    const urlOf = async (QueueName: string) => {
      const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName }));
      return QueueUrl;
    };
    const name = `${at.settings.prefix}-default-normal`;
    await sqs.send(new SendMessageCommand({ QueueUrl: await urlOf(name), MessageBody: body }));
    const ours = newMessage();
    await queue.send(lane, ours, { delaySeconds: 0, group: 'default' });

    const received: unknown[] = [];
    for (let n = 0; n < 3; n++) {
      for (const { message, receipt } of await queue.receive(lane, wait)) {
        received.push(message);
        await queue.remove(lane, receipt);
      }
    }
    expect(received).toEqual([ours]);
    expect(await queue.depth(lane)).toEqual({ visible: 0, delayed: 0, held: 0 });
    // Nothing that could be run: neither listed nor redriven, and kept for whoever looks at the queue.
    expect(await queue.deadLetters.list(lane, 10)).toEqual([]);
    expect(await queue.deadLetters.redrive(lane, 10)).toBe(0);
    const { Messages: kept = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: await urlOf(`${name}-dead`), MessageAttributeNames: ['All'] }),
    );
    expect(kept.map(({ Body }) => Body)).toEqual([body]);
    expect(kept[0]?.MessageAttributes?.reason?.StringValue).toMatch(/^the body /);
    sqs.destroy();
  },
);

test('a message that SQS itself put aside is listed like one of ours, and redriven', async () => {
  const at = await provisioned();
  const { queue } = await at.platform();
  const { sqs } = createClients(at.settings);
  const message = newMessage();
  const { QueueUrl } = await sqs.send(
    new GetQueueUrlCommand({ QueueName: `${at.settings.prefix}-default-normal-dead` }),
  );
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(message) }));
  expect(await queue.deadLetters.list(lane, 10)).toMatchObject([
    { message, reason: 'received too often without being removed' },
  ]);
  expect(await queue.deadLetters.redrive(lane, 10)).toBe(1);
  expect(await queue.receive(lane, wait)).toMatchObject([{ message }]);
  sqs.destroy();
});

test('a message of any text arrives as it was', async () => {
  const at = await provisioned();
  const { queue } = await at.platform();
  const message = newMessage();
  const odd = {
    ...message,
    requires: {
      ...message.requires,
      affinity: { zone: '\u0000\u001f\u007f\ufffe\uffff\ud800 "\\ \u{1f4bf}' },
    },
  };
  await queue.send(lane, odd, { delaySeconds: 0, group: 'default' });
  expect(await queue.receive(lane, wait)).toMatchObject([{ message: odd }]);
  await queue.deadLetters.put(lane, odd, 'because \u0000\ufffe\ud800');
  await queue.deadLetters.put(lane, odd, '');
  expect(await queue.deadLetters.list(lane, 10)).toHaveLength(2);
});

test('a poll that was given up keeps no message from the next receive', async () => {
  const at = await provisioned();
  const { queue } = await at.platform();
  const stopping = new AbortController();
  const options = { max: 1, waitSeconds: 20, visibilitySeconds: 60 };
  const counts = await at.endpoint.proxy.counted(async () => {
    const receiving = queue.receive(lane, { ...options, signal: stopping.signal });
    setTimeout(() => stopping.abort(), 200);
    expect(await receiving).toEqual([]);
    const [, received] = await Promise.all([
      queue.send(lane, newMessage(), { delaySeconds: 0, group: 'default' }),
      queue.receive(lane, options),
    ]);
    expect(received).toMatchObject([{ receives: 1 }]);
  });
  // The second receive went on with the first one's poll.
  expect(counts).toMatchObject({ ReceiveMessage: 1 });
});

test('what comes to a poll that nobody waits for is given back', async () => {
  const at = await provisioned();
  const [here, elsewhere] = [await at.platform(), await at.platform()];
  const stopping = new AbortController();
  const options = { max: 1, waitSeconds: 20, visibilitySeconds: 60 };
  const receiving = here.queue.receive(lane, { ...options, signal: stopping.signal });
  setTimeout(() => stopping.abort(), 200);
  expect(await receiving).toEqual([]);
  const message = newMessage();
  await here.queue.send(lane, message, { delaySeconds: 0, group: 'default' });
  expect(await elsewhere.queue.receive(lane, { ...options, waitSeconds: 5 })).toMatchObject([{ message }]);
});

test('a message of ours is not kept back by another one that cannot be put aside', async () => {
  const at = await provisioned();
  const { queue } = await at.platform();
  const { sqs } = createClients(at.settings);
  const { QueueUrl } = await sqs.send(
    new GetQueueUrlCommand({ QueueName: `${at.settings.prefix}-default-normal` }),
  );
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'foreign' }));
  const ours = newMessage();
  await queue.send(lane, ours, { delaySeconds: 0, group: 'default' });
  await queue.depth(lane);
  at.endpoint.proxy.spoil('SendMessage', jsonFault('AccessDenied', 403), 100);
  const received: unknown[] = [];
  for (let n = 0; n < 3 && received.length === 0; n++) {
    const messages = await queue.receive(lane, wait).catch(() => []);
    received.push(...messages.map(({ message }) => message));
  }
  expect(received).toEqual([ours]);
  // It is still there, and goes its way once it can.
  at.endpoint.proxy.fault = () => null;
  for (let n = 0; n < 3; n++) await queue.receive(lane, { ...wait, waitSeconds: 2 });
  const { Messages: kept = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl: `${QueueUrl}-dead`, WaitTimeSeconds: 1 }),
  );
  expect(kept.map(({ Body }) => Body)).toEqual(['foreign']);
  sqs.destroy();
});
