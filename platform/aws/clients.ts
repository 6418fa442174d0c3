import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { InitializeMiddleware } from '@smithy/types';
import { translated } from './errors.ts';
import type { AwsSettings } from './settings.ts';
import { StoreClock } from './store-clock.ts';

/** A request is sent at most so often; the SDK waits between, longer when it is throttled. */
const MAX_ATTEMPTS = 4;

/** A connection must stand after this, in milliseconds. */
const CONNECT_MS = 2000;

/** A reply must begin after this, in milliseconds; calls that may take longer say so. */
const REPLY_MS = { dynamodb: 3000, sqs: 10_000, s3: 10_000 };

/** Connections of one client at a time: a worker's long polls and its jobs' calls beside them. */
const MAX_SOCKETS = 128;

/** The clients of one process, one per service. */
export type Clients = {
  readonly dynamodb: DynamoDBClient;
  readonly sqs: SQSClient;
  readonly s3: S3Client;
  /** Signs URLs for the public endpoint; sends nothing. */
  readonly signer: S3Client;
  /** Learns from DynamoDB's replies: the store's time. */
  readonly clock: StoreClock;
  close(): void;
};

/** Makes the clients; nothing is sent yet. All share one chain of credentials, so they are fetched once. */
export function createClients({ region, endpoint, publicEndpoint = endpoint }: AwsSettings): Clients {
  const clock = new StoreClock();
  const common = {
    maxAttempts: MAX_ATTEMPTS,
    retryMode: 'standard',
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
  };
  const dynamodb = new DynamoDBClient({
    ...common,
    requestHandler: new TimingHandler(clock, handlerOptions(REPLY_MS.dynamodb)),
  });
  const { credentials } = dynamodb.config;
  const sqs = new SQSClient({
    ...common,
    credentials,
    requestHandler: handlerOptions(REPLY_MS.sqs),
    // An emulator's queue URLs may name a host that only it knows.
    ...(endpoint !== undefined && { useQueueUrlAsEndpoint: false }),
  });
  const s3Options = {
    ...common,
    credentials,
    forcePathStyle: endpoint !== undefined,
    // A URL that is presigned for a PUT would otherwise carry the checksum of an empty body.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  } as const;
  const s3 = new S3Client({ ...s3Options, requestHandler: handlerOptions(REPLY_MS.s3) });
  const signer = publicEndpoint === undefined ? s3 : new S3Client({ ...s3Options, endpoint: publicEndpoint });
  const outermost = { step: 'initialize', priority: 'high' } as const;
  const where = async () => {
    const name = await dynamodb.config.region();
    return endpoint === undefined ? name : `${name} at ${endpoint}`;
  };
  dynamodb.middlewareStack.add(translating('DynamoDB', where), outermost);
  sqs.middlewareStack.add(translating('SQS', where), outermost);
  s3.middlewareStack.add(translating('S3', where), outermost);
  return {
    dynamodb,
    sqs,
    s3,
    signer,
    clock,
    close() {
      for (const client of [dynamodb, sqs, s3, signer]) client.destroy();
    },
  };
}

function handlerOptions(replyMs: number) {
  return {
    connectionTimeout: CONNECT_MS,
    requestTimeout: replyMs,
    throwOnRequestTimeout: true,
    httpAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
    httpsAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
  };
}

/** Shows each reply's Date header to the clock, of every attempt. */
class TimingHandler extends NodeHttpHandler {
  readonly #clock: StoreClock;

  constructor(clock: StoreClock, options: ReturnType<typeof handlerOptions>) {
    super(options);
    this.#clock = clock;
  }

  override async handle(...[request, options]: Parameters<NodeHttpHandler['handle']>) {
    const received = this.#clock.request();
    const result = await super.handle(request, options);
    received(result.response.headers.date);
    return result;
  }
}

/** Turns the errors of every call of a client into the words of errors.ts, once all attempts are over. */
function translating<Input extends object, Output extends object>(
  service: string,
  where: () => Promise<string>,
): InitializeMiddleware<Input, Output> {
  return (next, context) => async (args) => {
    try {
      return await next(args);
    } catch (error) {
      throw translated(error, {
        service,
        operation: String(context.commandName).replace(/Command$/, ''),
        resource: resourceOf(args.input),
        where: await where().catch(() => 'no region'),
      });
    }
  };
}

function resourceOf(input: unknown): string {
  if (typeof input !== 'object' || input === null) return '';
  if ('TableName' in input) return `table ${input.TableName}`;
  if ('RequestItems' in input) return `table ${Object.keys(Object(input.RequestItems))}`;
  if ('QueueUrl' in input) return `queue ${String(input.QueueUrl).split('/').at(-1)}`;
  if ('QueueName' in input) return `queue ${input.QueueName}`;
  if ('Bucket' in input) return `bucket ${input.Bucket}`;
  return '';
}
