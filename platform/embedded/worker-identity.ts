import { hostname } from 'node:os';
import { takeWorkerId } from './worker-id.ts';

/** A worker's id: the one the operator named, or `<host>-<n>` with the lowest n that is free, held until release. */
export async function workerIdentity(
  dataDir: string,
  named: string | undefined,
): Promise<{ readonly id: string; readonly release: () => Promise<void> }> {
  if (named !== undefined) return { id: named, release: async () => {} };
  const taken = await takeWorkerId(dataDir, hostname());
  return { id: taken.id, release: async () => taken.release() };
}
