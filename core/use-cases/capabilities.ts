import type { Context } from '../context.ts';
import type { LiveWorker } from '../ports.ts';

/** What the live workers can do together. */
export type Capabilities = {
  /** The worker's own id when one is live, `fleet` otherwise. */
  readonly worker_id: string;
  readonly operations: readonly string[];
  readonly features: readonly string[];
  readonly disk_formats: readonly string[];
  readonly max_concurrent_jobs: number;
  readonly max_disk_size_gb: number;
  readonly workers: readonly LiveWorker[];
};

export async function capabilities({ workers }: Context): Promise<Capabilities> {
  const live = await workers.list();
  const union = (of: (worker: LiveWorker) => readonly string[]) => [...new Set(live.flatMap(of))].sort();
  return {
    worker_id: live.length === 1 && live[0] !== undefined ? live[0].worker_id : 'fleet',
    operations: union((worker) => worker.operations),
    features: union((worker) => worker.features),
    disk_formats: union((worker) => worker.disk_formats),
    max_concurrent_jobs: live.reduce((sum, worker) => sum + worker.max_concurrent_jobs, 0),
    max_disk_size_gb: live.reduce((most, worker) => Math.max(most, worker.max_disk_size_gb), 0),
    workers: live,
  };
}
