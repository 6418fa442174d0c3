import { type DynamoDBClient, QueryCommand } from '@aws-sdk/client-dynamodb';
import { jobStatuses } from '../../core/job/record.ts';
import type { JobView } from '../../core/job/view.ts';
import type { JobFilter, JobSummary, Page } from '../../core/ports.ts';
import { type Item, N, S, seconds, text } from './item.ts';
import { allPartition, shards, statusPartition, timePlace } from './job-item.ts';
import { indexes, SHARDS } from './resources.ts';
import type { TableTokens } from './table-tokens.ts';

/** A walk asks for so many of DynamoDB's pages at most; a list that finds fewer than asked for goes on at its token. */
const PAGES = 5;

/** Jobs in one of DynamoDB's pages where each is still to be checked against the filter. */
const CHECKED_PAGE = 1000;

/** More than a shard's part of a list, since a hash is fair on average only. */
const SHARD_SLACK = 8;

/** Behind every place. */
const END = '~';

/** One partition of an index. */
type Partition = { readonly index: string; readonly attribute: string; readonly value: string };

/** One page of a partition, from where the last one ended. */
type Query = (
  start: Item | undefined,
) => Promise<{ readonly items: readonly Item[]; readonly last: Item | undefined }>;

type Check = (job: JobView) => boolean;

type Found = { readonly place: string; readonly summary: string };

/**
 * Lists of jobs, newest first: the partitions that the filter needs are walked side by side and merged by place.
 * With a namespace those are its statuses, or the one asked for; without, the shards of all jobs. The rest of
 * the filter is checked job by job.
 */
export class JobList {
  readonly #dynamodb: DynamoDBClient;
  readonly #table: string;
  readonly #tokens: TableTokens;
  readonly #clock: () => number;

  constructor(dynamodb: DynamoDBClient, table: string, tokens: TableTokens, clock: () => number) {
    this.#dynamodb = dynamodb;
    this.#table = table;
    this.#tokens = tokens;
    this.#clock = clock;
  }

  async page(filter: JobFilter, limit: number, pageToken: string | null): Promise<Page<JobSummary>> {
    const list = `jobs ${JSON.stringify(filter)}`;
    const tokens = await this.#tokens.get();
    // Exclusive, both as a place that was given out and as a time, which is no job's place.
    const before = pageToken === null ? startOf(filter) : String(tokens.open(list, pageToken)[0]);
    const from = timePlace(filter.submittedAfter ?? 0);
    if (from > before) return { items: [], next: null };
    const check = checkOf(filter);
    const pageSize = check !== null ? CHECKED_PAGE : pageSizeOf(filter, limit);
    const walks = partitionsOf(filter).map(
      (partition) =>
        new Walk((start) => this.#query(partition, from, before, pageSize, start), before, check),
    );
    const { found, horizon } = await merge(walks, limit);
    const items = found.slice(0, limit);
    const last = items.at(-1);
    const end = found.length > limit && last !== undefined ? last.place : horizon;
    return {
      items: items.map(({ summary }) => summary),
      next: end === null ? null : tokens.seal(list, [end]),
    };
  }

  async #query(partition: Partition, from: string, to: string, limit: number, start: Item | undefined) {
    const { Items: items = [], LastEvaluatedKey: last } = await this.#dynamodb.send(
      new QueryCommand({
        TableName: this.#table,
        IndexName: partition.index,
        KeyConditionExpression: `${partition.attribute} = :partition AND place BETWEEN :from AND :to`,
        // What is over reads as absent before DynamoDB removes it.
        FilterExpression: 'attribute_not_exists(expires_at) OR expires_at > :seconds',
        ExpressionAttributeValues: {
          ':partition': S(partition.value),
          ':from': S(from),
          ':to': S(to),
          ':seconds': N(seconds(this.#clock())),
        },
        ScanIndexForward: false,
        Limit: limit,
        ExclusiveStartKey: start,
      }),
    );
    return { items, last };
  }
}

/** A walk down one partition, newest first, within its pages. */
class Walk {
  readonly found: Found[] = [];
  readonly #query: Query;
  readonly #before: string;
  readonly #check: Check | null;
  #start: Item | undefined;
  #pages = 0;
  #reached: string | null;

  constructor(query: Query, before: string, check: Check | null) {
    this.#query = query;
    this.#before = before;
    this.#check = check;
    this.#reached = before;
  }

  /** The place down to which everything is known; null at the partition's end. */
  get reached(): string | null {
    return this.#reached;
  }

  get tired(): boolean {
    return this.#pages === PAGES;
  }

  async go(): Promise<void> {
    const { items, last } = await this.#query(this.#start);
    this.#pages += 1;
    this.#start = last;
    this.#reached = last === undefined ? null : text(last, 'place');
    for (const item of items) {
      const [place, summary] = [text(item, 'place'), text(item, 'summary')];
      if (place === this.#before) continue;
      if (this.#check === null || this.#check(JSON.parse(summary))) this.found.push({ place, summary });
    }
  }
}

/** Walks until `limit` jobs are known in order, or a walk has no pages left. `horizon`: down to where they are complete; null at the end. */
async function merge(
  walks: readonly Walk[],
  limit: number,
): Promise<{ readonly found: readonly Found[]; readonly horizon: string | null }> {
  for (;;) {
    const going = walks.filter((walk) => walk.reached !== null && !walk.tired && walk.found.length <= limit);
    await Promise.all(going.map((walk) => walk.go()));
    const ends = walks.flatMap((walk) => walk.reached ?? []);
    const horizon = ends.length === 0 ? null : ends.reduce((a, b) => (a > b ? a : b));
    const found = walks
      .flatMap((walk) => walk.found)
      .filter(({ place }) => horizon === null || place >= horizon)
      .sort((a, b) => (a.place < b.place ? 1 : a.place > b.place ? -1 : 0))
      // A job that has just changed its status may be in both partitions for a moment.
      .filter(({ place }, n, all) => place !== all[n - 1]?.place);
    const stuck = walks.some((walk) => walk.reached === horizon && walk.tired);
    if (horizon === null || found.length >= limit || stuck) return { found, horizon };
  }
}

function startOf({ submittedBefore }: JobFilter): string {
  return submittedBefore === undefined ? END : timePlace(submittedBefore);
}

function pageSizeOf({ namespace }: JobFilter, limit: number): number {
  return namespace === undefined ? Math.ceil(limit / SHARDS) + SHARD_SLACK : limit + 1;
}

function partitionsOf({ namespace, status }: JobFilter): Partition[] {
  if (namespace === undefined) {
    return shards.map((shard) => ({
      index: indexes.all,
      attribute: 'list_shard',
      value: allPartition(shard),
    }));
  }
  return (status === undefined ? jobStatuses : [status]).map((one) => ({
    index: indexes.byStatus,
    attribute: 'namespace_status',
    value: statusPartition(namespace, one),
  }));
}

/** What the partitions leave to be checked of each job; null for nothing. */
function checkOf({ namespace, status, operation, label }: JobFilter): Check | null {
  const byStatus = namespace === undefined ? status : undefined;
  if (byStatus === undefined && operation === undefined && label === undefined) return null;
  return (job) =>
    (byStatus === undefined || job.status === byStatus) &&
    (operation === undefined || job.operation === operation) &&
    (label === undefined || (Object.hasOwn(job.labels, label.key) && job.labels[label.key] === label.value));
}
