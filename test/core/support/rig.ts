import { randomUUID } from 'node:crypto';
import { expect, onTestFinished } from 'vitest';
import {
  type Context,
  type CoreSettings,
  createContext,
  defaultCoreSettings,
} from '../../../core/context.ts';
import type { JobRecord } from '../../../core/job/record.ts';
import type { Offer } from '../../../core/job/requirements.ts';
import type {
  Platform,
  PriorityBand,
  QueueMessage,
  ReceivedMessage,
  WorkerRecord,
} from '../../../core/ports.ts';
import { claim } from '../../../core/use-cases/claim.ts';
import type { HeldJob } from '../../../core/use-cases/held-job.ts';
import { submit } from '../../../core/use-cases/submit.ts';
import { openEmbeddedPlatform } from '../../../platform/embedded/platform.ts';
import { scratch } from '../../support/scratch.ts';
import { wireDocument } from './samples.ts';

export const PUBLIC_URL = 'http://disklane.test';

export const offer: Offer = {
  worker_id: 'worker-1',
  pool: 'default',
  version: '1.0.0',
  operations: ['system.echo', 'test.echo', 'guestkit.inspect'],
  features: ['disk_readers'],
  max_disk_size_gb: 1024,
  privileged: false,
  labels: {},
};

export const worker: WorkerRecord = {
  ...offer,
  disk_formats: ['raw', 'qcow2'],
  max_concurrent_jobs: 4,
  active_jobs: 0,
  started_at: 0,
  time_to_live_seconds: 3600,
};

/** The embedded platform in a folder of its own under a clock that the test moves. */
export type Rig = {
  readonly platform: Platform;
  readonly context: Context;
  readonly logged: { level: string; message: string; [field: string]: unknown }[];
  readonly now: () => number;
  readonly advance: (ms: number) => void;
  /** A context on the same data with some ports replaced: another process, or a broken one. */
  readonly contextWith: (ports: Partial<Platform>, settings?: Partial<CoreSettings>) => Context;
  /** Submits a test.echo with these fields and gives its record. */
  readonly submitted: (fields?: Readonly<Record<string, unknown>>) => Promise<JobRecord>;
  readonly stored: (jobId: string) => Promise<JobRecord>;
  /** Takes every visible message out of a lane of the default pool. */
  readonly messages: (band?: PriorityBand) => Promise<readonly QueueMessage[]>;
  /** Claims the job, without a message, for a worker. */
  readonly claimed: (record: JobRecord, by?: Partial<Offer>) => Promise<HeldJob>;
};

export async function openRig({
  live = true,
  settings = {},
}: {
  live?: boolean;
  settings?: Partial<CoreSettings>;
} = {}): Promise<Rig> {
  let time = Date.parse('2030-01-01T00:00:00Z');
  const platform = await openEmbeddedPlatform({
    dataDir: await scratch(),
    publicUrl: PUBLIC_URL,
    clock: () => time,
  });
  onTestFinished(() => platform.close());
  const logged: Rig['logged'] = [];
  const contextWith: Rig['contextWith'] = (ports, changed = {}) =>
    createContext(
      { ...platform, ...ports },
      {
        settings: { ...defaultCoreSettings, ...settings, ...changed },
        newId: randomUUID,
        random: () => 0.5,
        log: (event) => logged.push(event),
      },
    );
  const context = contextWith({});
  if (live) await platform.workers.beat(worker);

  const stored = async (jobId: string) => {
    const record = await platform.jobs.get(jobId);
    if (record === null) throw new Error(`${jobId} is not stored`);
    return record;
  };
  return {
    platform,
    context,
    logged,
    now: () => time,
    advance: (ms) => {
      time += ms;
    },
    contextWith,
    submitted: async (fields = {}) => {
      const { job_id } = await submit(context, wireDocument({ job_id: `job-${randomUUID()}`, ...fields }));
      return stored(job_id);
    },
    stored,
    messages: async (band = 'normal') => {
      const lane = { pool: 'default', band };
      const received = await platform.queue.receive(lane, receiveNow);
      await Promise.all(received.map(({ receipt }: ReceivedMessage) => platform.queue.remove(lane, receipt)));
      return received.map(({ message }) => message);
    },
    claimed: async (record, by = {}) => {
      const outcome = await claim(
        context,
        { job_id: record.job_id, requires: record.requires },
        { ...offer, ...by },
      );
      if (outcome.outcome !== 'claimed') throw new Error(`not claimed: ${outcome.outcome}`);
      return outcome.job;
    },
  };
}

const receiveNow = { max: 100, waitSeconds: 0, visibilitySeconds: 30 };

/** The same object with some methods replaced. */
export function overriding<T extends object>(target: T, methods: Partial<T>): T {
  return new Proxy(target, {
    get(_target, key) {
      const value: unknown = Reflect.get(key in methods ? methods : target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** The text of an object that must be there. */
export async function objectText(platform: Platform, key: string): Promise<string> {
  const found = await platform.objects.get(key);
  expect(found, key).not.toBeNull();
  const pieces: Uint8Array[] = [];
  for await (const piece of found?.body ?? []) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}
