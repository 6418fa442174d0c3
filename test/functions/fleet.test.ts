import { expect, test } from 'vitest';
import { StorageError } from '../../core/errors.ts';
import { openRig, overriding, worker } from '../core/support/rig.ts';
import { client } from './client.ts';

test('capabilities without a live worker are empty', async () => {
  const { context } = await openRig({ live: false });
  expect((await client(context)('/api/v1/capabilities')).data).toEqual({
    worker_id: 'fleet',
    operations: [],
    features: [],
    disk_formats: [],
    max_concurrent_jobs: 0,
    max_disk_size_gb: 0,
    workers: [],
  });
});

test("capabilities with one live worker are that worker's", async () => {
  const { context } = await openRig();
  expect((await client(context)('/api/v1/capabilities')).data).toMatchObject({
    worker_id: 'worker-1',
    operations: ['guestkit.inspect', 'system.echo', 'test.echo'],
    features: ['disk_readers'],
    disk_formats: ['qcow2', 'raw'],
    max_concurrent_jobs: 4,
    max_disk_size_gb: 1024,
    workers: [{ worker_id: 'worker-1', active_jobs: 0 }],
  });
});

test('capabilities with two live workers are their union; one that stopped beating does not count', async () => {
  const { context, platform, advance } = await openRig();
  const second = { ...worker, worker_id: 'worker-2', features: ['kvm', 'disk_readers'] };
  await platform.workers.beat({
    ...second,
    operations: ['system.echo', 'guestkit.profile'],
    disk_formats: ['vmdk'],
    max_concurrent_jobs: 3,
    max_disk_size_gb: 2048,
    time_to_live_seconds: 30,
  });
  const ask = client(context);
  expect((await ask('/api/v1/capabilities')).data).toMatchObject({
    worker_id: 'fleet',
    operations: ['guestkit.inspect', 'guestkit.profile', 'system.echo', 'test.echo'],
    features: ['disk_readers', 'kvm'],
    disk_formats: ['qcow2', 'raw', 'vmdk'],
    max_concurrent_jobs: 7,
    max_disk_size_gb: 2048,
    workers: [{ worker_id: 'worker-1' }, { worker_id: 'worker-2' }],
  });
  advance(31_000);
  expect((await ask('/api/v1/capabilities')).data).toMatchObject({
    worker_id: 'worker-1',
    max_concurrent_jobs: 4,
  });
});

test('health says healthy with the time of the store', async () => {
  const { context, now } = await openRig();
  const { status, json } = await client(context)('/api/v1/health');
  expect(status).toBe(200);
  expect(json).toEqual({
    success: true,
    data: { status: 'healthy', timestamp: new Date(now()).toISOString() },
  });
});

test.each(['jobs', 'objects'] as const)(
  'health is 503 when the store of %s does not answer',
  async (port) => {
    const { platform, contextWith } = await openRig();
    const gone = () => Promise.reject(new StorageError('gone'));
    const ports =
      port === 'jobs'
        ? { jobs: overriding(platform.jobs, { get: gone }) }
        : { objects: overriding(platform.objects, { head: gone }) };
    const { status, json } = await client(contextWith(ports))('/api/v1/health');
    expect({ status, error: json.error }).toEqual({ status: 503, error: 'UNAVAILABLE' });
  },
);

test('health is 503 once the data directory is closed', async () => {
  const { platform, context } = await openRig();
  await platform.close();
  const { status, json } = await client(context)('/api/v1/health');
  expect({ status, error: json.error }).toEqual({ status: 503, error: 'UNAVAILABLE' });
});
