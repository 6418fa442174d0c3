import { GetQueueUrlCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { Lane } from '../../core/ports.ts';
import { laneQueue } from './resources.ts';

/** The URLs of the lanes' queues, each asked for once. */
export class QueueUrls {
  readonly #sqs: SQSClient;
  readonly #prefix: string;
  readonly #urls = new Map<string, Promise<string>>();

  constructor(sqs: SQSClient, prefix: string) {
    this.#sqs = sqs;
    this.#prefix = prefix;
  }

  lane(lane: Lane): Promise<string> {
    return this.#url(laneQueue(this.#prefix, lane).name);
  }

  deadLetters(lane: Lane): Promise<string> {
    return this.#url(laneQueue(this.#prefix, lane).deadLetter.name);
  }

  #url(name: string): Promise<string> {
    const known = this.#urls.get(name);
    if (known !== undefined) return known;
    const url = this.#ask(name);
    this.#urls.set(name, url);
    // A queue that is not there yet may be made.
    url.catch(() => this.#urls.delete(name));
    return url;
  }

  async #ask(name: string): Promise<string> {
    const { QueueUrl: url } = await this.#sqs.send(new GetQueueUrlCommand({ QueueName: name }));
    if (url === undefined) throw new Error(`SQS gave no URL for the queue ${name}`);
    return url;
  }
}
