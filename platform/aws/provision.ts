import type { Clients } from './clients.ts';
import { provisionBucket } from './provision-bucket.ts';
import { provisionQueue } from './provision-queue.ts';
import { provisionTable } from './provision-table.ts';
import type { Resources } from './resources.ts';

/**
 * Makes what is missing and sets what may differ, on any endpoint, again and again without harm. Says by `note`
 * what it did, and what an emulator cannot do. Throws a StorageError where something is there that cannot be
 * brought in line: a table with other keys, another account's bucket.
 */
export async function provision(
  clients: Clients,
  { table, queues, bucket }: Resources,
  note: (line: string) => void = () => {},
): Promise<void> {
  const steps = await Promise.allSettled([
    provisionTable(clients.dynamodb, table, note),
    provisionBucket(clients.s3, bucket, note),
    ...queues.map((queue) => provisionQueue(clients.sqs, queue, note)),
  ]);
  // Thrown when all have ended, so that nothing is made behind a caller who has given up.
  for (const step of steps) if (step.status === 'rejected') throw step.reason;
}
