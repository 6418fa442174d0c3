import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  SetQueueAttributesCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { StorageError } from '../../core/errors.ts';
import { isNamed } from './errors.ts';
import type { QueueResource } from './resources.ts';

/** Makes a lane's queue and the one of its dead letters where they are missing, and sets their attributes. */
export async function provisionQueue(
  sqs: SQSClient,
  queue: QueueResource,
  note: (line: string) => void,
): Promise<void> {
  const kept = {
    MessageRetentionPeriod: String(queue.retentionSeconds),
    SqsManagedSseEnabled: 'true',
  };
  const deadLetter = await ensure(sqs, queue.deadLetter.name, kept, note);
  await ensure(
    sqs,
    queue.name,
    {
      ...kept,
      ReceiveMessageWaitTimeSeconds: String(queue.receiveWaitSeconds),
      VisibilityTimeout: String(queue.visibilitySeconds),
      RedrivePolicy: JSON.stringify({
        deadLetterTargetArn: await arnOf(sqs, deadLetter),
        maxReceiveCount: queue.maxReceiveCount,
      }),
    },
    note,
  );
}

/** CreateQueue refuses a queue that is there with other attributes, so they are set apart. */
async function ensure(
  sqs: SQSClient,
  name: string,
  attributes: Record<string, string>,
  note: (line: string) => void,
): Promise<string> {
  const existing = await urlOf(sqs, name);
  if (existing !== null) {
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl: existing, Attributes: attributes }));
    note(`queue ${name}: is there`);
    return existing;
  }
  const { QueueUrl: made } = await sqs.send(
    new CreateQueueCommand({ QueueName: name, Attributes: attributes }),
  );
  if (made === undefined) throw new StorageError(`SQS gave no URL for the queue ${name} that it made`);
  note(`queue ${name}: made`);
  return made;
}

async function urlOf(sqs: SQSClient, name: string): Promise<string | null> {
  try {
    const { QueueUrl: url } = await sqs.send(new GetQueueUrlCommand({ QueueName: name }));
    return url ?? null;
  } catch (error) {
    if (isNamed(error, 'QueueDoesNotExist', 'AWS.SimpleQueueService.NonExistentQueue')) return null;
    throw error;
  }
}

async function arnOf(sqs: SQSClient, url: string): Promise<string> {
  const { Attributes: found } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['QueueArn'] }),
  );
  if (found?.QueueArn === undefined) throw new StorageError(`SQS gave no ARN for the queue ${url}`);
  return found.QueueArn;
}
