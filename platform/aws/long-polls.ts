import {
  ChangeMessageVisibilityCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';

/** SQS's own limits: messages of one receive, seconds of a long poll and of a visibility time-out. */
const RECEIVE_MAX = 10;
const WAIT_MAX = 20;
const VISIBILITY_MAX = 12 * 3600;

/** A long poll's reply may come so much later than its wait, in milliseconds. */
const REPLY_SLACK_MS = 10_000;

/** The visibility time-out that SQS takes for this one. */
export function visibility(seconds: number): number {
  return Math.min(VISIBILITY_MAX, Math.ceil(seconds));
}

type Options = {
  readonly max: number;
  readonly waitSeconds: number;
  readonly visibilitySeconds: number;
  readonly signal?: AbortSignal;
};

type Poll = { readonly visibilitySeconds: number; readonly messages: Promise<readonly Message[]> };

/**
 * Receives from SQS. A receive that is given up leaves its long poll under way: cut off, it might still be given
 * a message, which would then be invisible for a whole time-out. The next receive of that queue takes the poll
 * over; what comes to a poll that nobody took over is given back at once.
 */
export class LongPolls {
  readonly #sqs: SQSClient;
  readonly #closing = new AbortController();
  readonly #parked = new Map<string, Set<Poll>>();

  constructor(sqs: SQSClient) {
    this.#sqs = sqs;
  }

  /** Up to `max` messages; none when the wait is over or the signal aborts. */
  async receive(queueUrl: string, options: Options): Promise<readonly Message[]> {
    const end = performance.now() + options.waitSeconds * 1000;
    for (;;) {
      const taken = options.waitSeconds > 0 ? this.#take(queueUrl, options.visibilitySeconds) : null;
      const poll = taken ?? this.#start(queueUrl, options, end - performance.now());
      // A poll of our own ends by itself, and its last answer must not be missed by a hair.
      const patience = taken === null ? null : end - performance.now();
      const messages = await unlessLeft(poll.messages, patience, options.signal);
      if (messages === null) {
        this.#park(queueUrl, poll);
        return [];
      }
      if (messages.length > 0) {
        this.#giveBack(queueUrl, messages.slice(options.max));
        return messages.slice(0, options.max);
      }
      if (taken === null || performance.now() >= end || this.#closing.signal.aborted) return [];
    }
  }

  /** Cuts every poll: those who wait get nothing. */
  close(): void {
    this.#closing.abort();
  }

  #start(queueUrl: string, { max, visibilitySeconds }: Options, waitMs: number): Poll {
    const wait = Math.min(WAIT_MAX, Math.max(0, Math.ceil(waitMs / 1000)));
    const command = new ReceiveMessageCommand({
      QueueUrl: queueUrl,
      MaxNumberOfMessages: Math.min(RECEIVE_MAX, max),
      WaitTimeSeconds: wait,
      VisibilityTimeout: visibility(visibilitySeconds),
      MessageSystemAttributeNames: ['ApproximateReceiveCount'],
    });
    const abortSignal = this.#closing.signal;
    const messages = this.#sqs
      .send(command, { requestTimeout: wait * 1000 + REPLY_SLACK_MS, abortSignal })
      .then(
        (reply) => reply.Messages ?? [],
        (error: unknown) => {
          if (abortSignal.aborted) return [];
          throw error;
        },
      );
    return { visibilitySeconds, messages };
  }

  #take(queueUrl: string, visibilitySeconds: number): Poll | null {
    const parked = this.#parked.get(queueUrl);
    for (const poll of parked ?? []) {
      if (poll.visibilitySeconds !== visibilitySeconds) continue;
      parked?.delete(poll);
      return poll;
    }
    return null;
  }

  #park(queueUrl: string, poll: Poll): void {
    const parked = this.#parked.get(queueUrl) ?? new Set();
    this.#parked.set(queueUrl, parked.add(poll));
    poll.messages.then(
      (messages) => {
        // Whoever took it over has the messages.
        if (parked.delete(poll)) this.#giveBack(queueUrl, messages);
      },
      () => parked.delete(poll),
    );
  }

  /** Best effort: a message that cannot be given back is visible again when its time-out ends. */
  #giveBack(queueUrl: string, messages: readonly Message[]): void {
    for (const { ReceiptHandle } of messages) {
      const now = { QueueUrl: queueUrl, ReceiptHandle, VisibilityTimeout: 0 };
      this.#sqs.send(new ChangeMessageVisibilityCommand(now)).catch(() => undefined);
    }
  }
}

/** The messages, or null when the signal aborts or the patience (in milliseconds; null for endless) is over first. */
async function unlessLeft(
  messages: Promise<readonly Message[]>,
  patience: number | null,
  signal: AbortSignal | undefined,
): Promise<readonly Message[] | null> {
  const { promise: left, resolve } = Promise.withResolvers<null>();
  const leave = () => resolve(null);
  const timer = patience === null ? undefined : setTimeout(leave, Math.max(0, patience));
  signal?.addEventListener('abort', leave);
  if (signal?.aborted) leave();
  try {
    return await Promise.race([messages, left]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', leave);
  }
}
