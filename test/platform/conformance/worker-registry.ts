import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { WorkerRecord } from '../../../core/ports.ts';
import { opened, type Subject, unique } from './subject.ts';

const worker = (changes: Partial<WorkerRecord> = {}): WorkerRecord => ({
  worker_id: unique('worker'),
  pool: 'default',
  version: '0.1.0',
  operations: ['system.echo'],
  features: [],
  max_disk_size_gb: 100,
  privileged: false,
  labels: { zone: 'a' },
  disk_formats: ['raw', 'qcow2'],
  max_concurrent_jobs: 2,
  active_jobs: 0,
  started_at: 1000,
  time_to_live_seconds: 60,
  ...changes,
});

/** The guarantees of WorkerRegistry. */
export function workerRegistryConformance(subject: Subject): void {
  describe(`${subject.name}: WorkerRegistry`, () => {
    const open = opened(subject);
    const beat = (record: WorkerRecord) => open().platform.workers.beat(record);
    const listed = async (...records: WorkerRecord[]) => {
      const ids = new Set(records.map((record) => record.worker_id));
      return (await open().other.workers.list()).filter(({ worker_id }) => ids.has(worker_id));
    };

    test('a worker that beats is listed as it said, with the time it was seen', async () => {
      const record = worker();
      await beat(record);
      const [found] = await listed(record);
      expect(found).toMatchObject(record);
      expect(Math.abs((found?.seen_at ?? 0) - Date.now())).toBeLessThan(5000);
    });

    test('the last beat is the one that counts', async () => {
      const record = worker();
      await beat(record);
      await beat({ ...record, active_jobs: 2 });
      expect(await listed(record)).toMatchObject([{ active_jobs: 2 }]);
    });

    test('workers are listed by their ids', async () => {
      const prefix = unique('worker');
      const workers = ['c', 'a', 'b'].map((name) => worker({ worker_id: `${prefix}-${name}` }));
      for (const record of workers) await beat(record);
      const ids = (await listed(...workers)).map(({ worker_id }) => worker_id);
      expect(ids).toEqual([`${prefix}-a`, `${prefix}-b`, `${prefix}-c`]);
    });

    test('a worker that stops beating is offline after its time to live, and back with a beat', async () => {
      const [stops, goesOn] = [worker({ time_to_live_seconds: 2 }), worker()];
      await beat(goesOn);
      await beat(stops);
      expect(await listed(stops)).toHaveLength(1);
      await sleep(2100);
      expect(await listed(stops)).toHaveLength(0);
      expect(await listed(goesOn)).toHaveLength(1);
      await beat(stops);
      expect(await listed(stops)).toHaveLength(1);
    });

    test('a removed worker is gone; removing an unknown one is no error', async () => {
      const record = worker();
      await beat(record);
      await open().platform.workers.remove(record.worker_id);
      await open().platform.workers.remove(record.worker_id);
      expect(await listed(record)).toEqual([]);
    });
  });
}
