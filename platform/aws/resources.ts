import { type Lane, priorityBands } from '../../core/ports.ts';

// Everything the platform needs in an account, as plain data: infra/ makes a template of it, provision.ts makes
// it by calls. Nothing else names a table, an index, a queue or a bucket.

/** Shards of the indexes that hold all jobs: each takes a thousand writes a second. A job's shard never changes. */
export const SHARDS = 4;

/** Days that a finished job, its events and its result are kept. */
export const RETENTION_DAYS = 30;

/** A key attribute: `S` a string, `N` a number. */
export type KeyAttribute = { readonly name: string; readonly type: 'S' | 'N' };

export type IndexResource = {
  readonly name: string;
  readonly partitionKey: KeyAttribute;
  readonly sortKey: KeyAttribute;
  /** Attributes the index holds beside the keys; none means KEYS_ONLY. */
  readonly projected: readonly string[];
};

export type TableResource = {
  readonly name: string;
  readonly partitionKey: KeyAttribute;
  readonly sortKey: KeyAttribute;
  readonly indexes: readonly IndexResource[];
  /** Seconds since 1970; DynamoDB removes the item some days after. */
  readonly ttlAttribute: string;
};

export type QueueResource = {
  readonly name: string;
  readonly lane: Lane;
  readonly deadLetter: { readonly name: string };
  /** After so many receives SQS itself puts a message aside. A backstop: crashes are counted in the job's record. */
  readonly maxReceiveCount: number;
  readonly retentionSeconds: number;
  /** Long polling, for receivers that do not say. */
  readonly receiveWaitSeconds: number;
  /** For receivers that do not say; ours always do. */
  readonly visibilitySeconds: number;
};

export type LifecycleRule = {
  readonly id: string;
  readonly prefix: string;
  readonly expireAfterDays?: number;
  readonly abortUploadsAfterDays?: number;
};

export type BucketResource = {
  readonly name: string;
  /** No object is public, whatever a policy or an ACL says. */
  readonly blockPublicAccess: true;
  /** By the service's own key; infra may choose a customer's key instead. */
  readonly encryption: 'AES256';
  readonly lifecycle: readonly LifecycleRule[];
  /** A presigned URL is its own permission, so a page of any origin may use one. */
  readonly cors: {
    readonly methods: readonly ('GET' | 'HEAD' | 'PUT')[];
    readonly origins: readonly string[];
    readonly allowedHeaders: readonly string[];
    readonly exposedHeaders: readonly string[];
    readonly maxAgeSeconds: number;
  };
};

export type Resources = {
  readonly table: TableResource;
  readonly queues: readonly QueueResource[];
  readonly bucket: BucketResource;
};

const string = (name: string): KeyAttribute => ({ name, type: 'S' });

/** The names of the indexes, for those who query them. */
export const indexes = { all: 'all', byStatus: 'by-status', due: 'due', directed: 'directed' } as const;

/**
 * One table. The items, by their keys `pk` and `sk`:
 * - `J#<job_id>`, `R`: a job's record
 * - `J#<job_id>`, `E#<version>`: the events that belong to one version of the record
 * - `W`, `<worker_id>`: a worker's last beat
 * - `C`, `unfinished`: the count of unfinished jobs
 * - `S`, `page-tokens`: the key that seals page tokens
 *
 * Only records have the attributes of the indexes. A list shows summaries, so an index holds no document.
 */
function table(prefix: string): TableResource {
  const listed = ['summary', 'expires_at'];
  return {
    name: `${prefix}-jobs`,
    partitionKey: string('pk'),
    sortKey: string('sk'),
    ttlAttribute: 'expires_at',
    indexes: [
      // All jobs by time; the partition is the shard.
      { name: indexes.all, partitionKey: string('list_shard'), sortKey: string('place'), projected: listed },
      // The jobs of a namespace and status by time.
      {
        name: indexes.byStatus,
        partitionKey: string('namespace_status'),
        sortKey: string('place'),
        projected: listed,
      },
      // Unfinished jobs by the time the sweeper must look at them, sharded; finished ones are not in it.
      {
        name: indexes.due,
        partitionKey: string('due_shard'),
        sortKey: { name: 'due_at', type: 'N' },
        projected: [],
      },
      // Unfinished jobs that only one worker may run, by time.
      {
        name: indexes.directed,
        partitionKey: string('directed_to'),
        sortKey: string('place'),
        projected: listed,
      },
    ],
  };
}

const DAY = 86_400;

function queue(prefix: string, lane: Lane): QueueResource {
  const name = `${prefix}-${lane.pool}-${lane.band}`;
  return {
    name,
    lane,
    // No band is called `dead`, so this is no lane's name.
    deadLetter: { name: `${name}-dead` },
    maxReceiveCount: 100,
    retentionSeconds: 14 * DAY,
    receiveWaitSeconds: 20,
    visibilitySeconds: 30,
  };
}

function bucket(name: string): BucketResource {
  return {
    name,
    blockPublicAccess: true,
    encryption: 'AES256',
    lifecycle: [
      // A day more than the record that names it: a result that can be seen is there.
      { id: 'results', prefix: 'results/', expireAfterDays: RETENTION_DAYS + 1 },
      { id: 'abandoned-uploads', prefix: '', abortUploadsAfterDays: 2 },
    ],
    cors: {
      methods: ['GET', 'HEAD', 'PUT'],
      origins: ['*'],
      allowedHeaders: ['*'],
      exposedHeaders: ['ETag', 'Content-Range', 'Content-Length'],
      maxAgeSeconds: 3600,
    },
  };
}

/**
 * What a platform of this prefix and these pools is made of.
 *
 * @param prefix begins every name: 1 to 20 of a-z 0-9 -, first a letter
 * @param pools worker pools; each has three queues and their dead-letter queues
 * @param bucketName bucket names are global, so an account's stack chooses its own; `<prefix>-objects` when left out
 */
export function resources(
  prefix: string,
  pools: readonly string[],
  bucketName = `${prefix}-objects`,
): Resources {
  const lanes = pools.flatMap((pool) => priorityBands.map((band) => ({ pool, band })));
  return {
    table: table(prefix),
    queues: lanes.map((lane) => queue(prefix, lane)),
    bucket: bucket(bucketName),
  };
}

/** The queue of one lane. */
export function laneQueue(prefix: string, lane: Lane): QueueResource {
  return queue(prefix, lane);
}
