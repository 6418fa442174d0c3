import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { requireDelay } from '../../core/port-limits.ts';
import type { JobQueue, Lane, QueueMessage, ReceivedMessage } from '../../core/ports.ts';
import { AwsDeadLetters } from './dead-letters.ts';
import { isNamed } from './errors.ts';
import { LongPolls, visibility } from './long-polls.ts';
import { bodyOf, parseBody } from './message.ts';
import type { QueueUrls } from './queue-urls.ts';

/** What SQS says of a receipt that is dead: the message was removed, received again, or became visible. */
const deadReceipt = [
  'ReceiptHandleIsInvalid',
  'MessageNotInflight',
  'InvalidParameterValue',
  'InvalidParameterValueException',
];

/**
 * One standard queue for each lane. The fairness group goes as the MessageGroupId, which makes a standard queue
 * a fair one; unlike a FIFO queue's, such a message may be delayed on its own.
 */
export class AwsJobQueue implements JobQueue {
  readonly deadLetters: AwsDeadLetters;
  readonly #sqs: SQSClient;
  readonly #urls: QueueUrls;
  readonly #polls: LongPolls;

  constructor(sqs: SQSClient, urls: QueueUrls) {
    this.#sqs = sqs;
    this.#urls = urls;
    this.#polls = new LongPolls(sqs);
    this.deadLetters = new AwsDeadLetters(sqs, urls);
  }

  async send(
    lane: Lane,
    message: QueueMessage,
    { delaySeconds, group }: { delaySeconds: number; group: string },
  ): Promise<void> {
    requireDelay(delaySeconds);
    await this.#sqs.send(
      new SendMessageCommand({
        QueueUrl: await this.#urls.lane(lane),
        MessageBody: bodyOf(message),
        DelaySeconds: Math.ceil(delaySeconds),
        MessageGroupId: group,
      }),
    );
  }

  /** At most 10 messages, after at most 20 s. */
  async receive(
    lane: Lane,
    options: { max: number; waitSeconds: number; visibilitySeconds: number; signal?: AbortSignal },
  ): Promise<readonly ReceivedMessage[]> {
    if (options.signal?.aborted) return [];
    const queueUrl = await this.#urls.lane(lane);
    const messages = await this.#polls.receive(queueUrl, options);
    const looked = await Promise.allSettled(messages.map((message) => this.#accept(lane, queueUrl, message)));
    const ours = looked.flatMap((one) => (one.status === 'fulfilled' ? (one.value ?? []) : []));
    // A message that could not be put aside comes back; those of ours that came with it are not to wait for that.
    const failure = looked.find((one) => one.status === 'rejected');
    if (ours.length === 0 && failure !== undefined) throw failure.reason;
    return ours;
  }

  async extend(lane: Lane, receipt: string, visibilitySeconds: number): Promise<boolean> {
    return this.#setVisibility(lane, receipt, visibility(visibilitySeconds));
  }

  async release(lane: Lane, receipt: string, delaySeconds: number): Promise<void> {
    requireDelay(delaySeconds);
    await this.#setVisibility(lane, receipt, Math.ceil(delaySeconds));
  }

  async remove(lane: Lane, receipt: string): Promise<void> {
    try {
      await this.#sqs.send(
        new DeleteMessageCommand({ QueueUrl: await this.#urls.lane(lane), ReceiptHandle: receipt }),
      );
    } catch (error) {
      if (!isNamed(error, ...deadReceipt)) throw error;
    }
  }

  async depth(
    lane: Lane,
  ): Promise<{ readonly visible: number; readonly delayed: number; readonly held: number }> {
    const { Attributes: found = {} } = await this.#sqs.send(
      new GetQueueAttributesCommand({
        QueueUrl: await this.#urls.lane(lane),
        AttributeNames: [
          'ApproximateNumberOfMessages',
          'ApproximateNumberOfMessagesDelayed',
          'ApproximateNumberOfMessagesNotVisible',
        ],
      }),
    );
    return {
      visible: Number(found.ApproximateNumberOfMessages),
      delayed: Number(found.ApproximateNumberOfMessagesDelayed),
      held: Number(found.ApproximateNumberOfMessagesNotVisible),
    };
  }

  /** Ends every receive that waits. */
  close(): void {
    this.#polls.close();
  }

  /** A message of ours; any other is put aside, so that it is not received for ever. */
  async #accept(lane: Lane, queueUrl: string, message: Message): Promise<ReceivedMessage | null> {
    const { Body: body = '', ReceiptHandle: receipt = '', Attributes: attributes } = message;
    const parsed = parseBody(body);
    if ('message' in parsed) {
      const receives = Number(attributes?.ApproximateReceiveCount ?? 1);
      return { message: parsed.message, receipt, receives };
    }
    // Put first: a crash between the two leaves it twice, never nowhere.
    await this.deadLetters.putBody(lane, body, parsed.wrong);
    await this.#sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: receipt }));
    return null;
  }

  /** Whether the receipt lives. */
  async #setVisibility(lane: Lane, receipt: string, seconds: number): Promise<boolean> {
    try {
      await this.#sqs.send(
        new ChangeMessageVisibilityCommand({
          QueueUrl: await this.#urls.lane(lane),
          ReceiptHandle: receipt,
          VisibilityTimeout: seconds,
        }),
      );
      return true;
    } catch (error) {
      if (isNamed(error, ...deadReceipt)) return false;
      throw error;
    }
  }
}
