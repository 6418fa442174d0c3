import type { Context } from '../context.ts';

const PROBE = 'health-probe';

/** Asks the stores something small; throws what they throw when one does not answer. */
export async function checkHealth({
  jobs,
  objects,
}: Context): Promise<{ status: 'healthy'; timestamp: string }> {
  await Promise.all([jobs.get(PROBE), objects.head(PROBE)]);
  return { status: 'healthy', timestamp: new Date(jobs.now()).toISOString() };
}
