import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { DeadLetter, JobQueue, Lane, QueueMessage } from '../../core/ports.ts';
import { bodyOf, parseBody } from './message.ts';
import type { QueueUrls } from './queue-urls.ts';

type DeadLetters = JobQueue['deadLetters'];

/** The group of what was redriven: its own is not known any more where SQS moved it. */
const REDRIVEN = 'redriven';

/** While a list or a redrive looks at letters, nobody else does, in seconds. */
const LOOK_SECONDS = 30;

/** Asks all of SQS's servers; a short poll asks a few and may find nothing. */
const WAIT_SECONDS = 1;

const REASON_LIMIT = 1024;

/**
 * A lane's dead-letter queue. A letter's body is the message as it was, whether we put it there or SQS did after
 * too many receives; the reason is an attribute. What is no message of ours stays for a person to look at: it is
 * neither listed nor redriven.
 */
export class AwsDeadLetters implements DeadLetters {
  readonly #sqs: SQSClient;
  readonly #urls: QueueUrls;

  constructor(sqs: SQSClient, urls: QueueUrls) {
    this.#sqs = sqs;
    this.#urls = urls;
  }

  put(lane: Lane, message: QueueMessage, reason: string): Promise<void> {
    return this.putBody(lane, bodyOf(message), reason);
  }

  /** Puts a body aside as it came. */
  async putBody(lane: Lane, body: string, reason: string): Promise<void> {
    await this.#sqs.send(
      new SendMessageCommand({
        QueueUrl: await this.#urls.deadLetters(lane),
        MessageBody: body,
        MessageAttributes: { reason: { DataType: 'String', StringValue: printable(reason) } },
      }),
    );
  }

  /** SQS cannot be browsed: the letters are received, and given back. */
  async list(lane: Lane, limit: number): Promise<readonly DeadLetter[]> {
    const url = await this.#urls.deadLetters(lane);
    const looked: Message[] = [];
    try {
      const letters: DeadLetter[] = [];
      for await (const message of this.#receive(url, limit)) {
        looked.push(message);
        const parsed = parseBody(message.Body ?? '');
        if ('message' in parsed) letters.push(letterOf(message, parsed.message));
      }
      return letters;
    } finally {
      await Promise.all(looked.map((message) => this.#giveBack(url, message)));
    }
  }

  async redrive(lane: Lane, limit: number): Promise<number> {
    const [url, laneUrl] = [await this.#urls.deadLetters(lane), await this.#urls.lane(lane)];
    let redriven = 0;
    for await (const message of this.#receive(url, limit)) {
      const { Body: body = '', ReceiptHandle: receipt } = message;
      if ('wrong' in parseBody(body)) {
        await this.#giveBack(url, message);
        continue;
      }
      // Sent first: a crash between the two makes a duplicate, which is harmless.
      await this.#sqs.send(
        new SendMessageCommand({ QueueUrl: laneUrl, MessageBody: body, MessageGroupId: REDRIVEN }),
      );
      await this.#sqs.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: receipt }));
      redriven += 1;
    }
    return redriven;
  }

  /** Up to `limit` letters, until a receive finds none. */
  async *#receive(url: string, limit: number): AsyncGenerator<Message> {
    for (let left = limit; left > 0; ) {
      const { Messages: messages = [] } = await this.#sqs.send(
        new ReceiveMessageCommand({
          QueueUrl: url,
          MaxNumberOfMessages: Math.min(10, left),
          WaitTimeSeconds: WAIT_SECONDS,
          VisibilityTimeout: LOOK_SECONDS,
          MessageSystemAttributeNames: ['SentTimestamp'],
          MessageAttributeNames: ['reason'],
        }),
      );
      if (messages.length === 0) return;
      left -= messages.length;
      yield* messages;
    }
  }

  async #giveBack(url: string, { ReceiptHandle: receipt }: Message): Promise<void> {
    await this.#sqs.send(
      new ChangeMessageVisibilityCommand({ QueueUrl: url, ReceiptHandle: receipt, VisibilityTimeout: 0 }),
    );
  }
}

function letterOf(message: Message, ours: QueueMessage): DeadLetter {
  return {
    id: message.MessageId ?? '',
    message: ours,
    reason: message.MessageAttributes?.reason?.StringValue ?? 'received too often without being removed',
    at: Number(message.Attributes?.SentTimestamp ?? 0),
  };
}

/** What SQS takes for an attribute: not empty, no control characters, a bounded length. */
function printable(reason: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is taken out
  const text = reason.toWellFormed().replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, '\ufffd');
  return text === '' ? 'no reason given' : text.slice(0, REASON_LIMIT).toWellFormed();
}
