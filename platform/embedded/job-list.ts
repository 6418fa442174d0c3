import type { StatementSync } from 'node:sqlite';
import { isTerminal } from '../../core/job/record.ts';
import type { PageTokens } from '../../core/page-token.ts';
import type { JobFilter, JobSummary, Page } from '../../core/ports.ts';
import type { Database } from './database.ts';
import { integer, type Row, text } from './row.ts';

/** A page looks at no more jobs than this; one that finds fewer than asked for goes on at its token. */
const WALK = 1000;

/** What a list walks along: the one index that fits the filter best. Other filters are checked job by job. */
export type Walk = 'label' | 'status' | 'operation' | 'namespace' | 'recent';

const sources: Record<Walk, string> = {
  label: `job_labels AS walked CROSS JOIN jobs ON jobs.job_id = walked.job_id
    WHERE walked.key = ? AND walked.value = ? AND`,
  status: 'jobs AS walked INDEXED BY jobs_status WHERE status = ? AND',
  operation: 'jobs AS walked INDEXED BY jobs_operation WHERE operation = ? AND',
  namespace: 'jobs AS walked INDEXED BY jobs_namespace WHERE namespace = ? AND',
  recent: 'jobs AS walked INDEXED BY jobs_recent WHERE',
};

/** The query of a walk. After the walk's own come: the earliest time (inclusive), the position before which it starts, the limit. */
export function walkSql(walk: Walk): string {
  return `SELECT walked.submitted_at, walked.job_id, status, operation, namespace, summary FROM ${sources[walk]}
    walked.submitted_at >= ? AND (walked.submitted_at, walked.job_id) < (?, ?)
    ORDER BY walked.submitted_at DESC, walked.job_id DESC LIMIT ?`;
}

/** Lists of jobs, newest first, from the stored summaries: no record is parsed. */
export class JobList {
  readonly #db: Database;
  readonly #tokens: PageTokens;
  readonly #statements = new Map<Walk, StatementSync>();

  constructor(db: Database, tokens: PageTokens) {
    this.#db = db;
    this.#tokens = tokens;
    for (const walk of ['label', 'status', 'operation', 'namespace', 'recent'] as const) {
      this.#statements.set(walk, db.prepare(walkSql(walk)));
    }
  }

  async page(filter: JobFilter, limit: number, pageToken: string | null): Promise<Page<JobSummary>> {
    const list = nameOf(filter);
    const [walk, values] = walkOf(filter);
    const position = pageToken === null ? start(filter) : positionOf(this.#tokens.open(list, pageToken));
    const parameters = [...values, filter.submittedAfter ?? 0, ...position];
    return this.#db.read(() => {
      const items: string[] = [];
      let last: Row | undefined;
      let seen = 0;
      for (const row of this.#statements.get(walk)?.iterate(...parameters, WALK + 1) ?? []) {
        // This row is not on the page any more; its being there says that the list goes on.
        if (items.length === limit || seen === WALK) return { items, next: this.#tokenAt(list, last) };
        if (fits(row, filter)) items.push(text(row, 'summary'));
        last = row;
        seen++;
      }
      return { items, next: null };
    });
  }

  #tokenAt(list: string, row: Row | undefined): string {
    return this.#tokens.seal(list, [integer(row, 'submitted_at'), text(row, 'job_id')]);
  }
}

/** Names a list in its tokens, whatever the order of the filter's properties. */
function nameOf({ status, operation, namespace, label, submittedAfter, submittedBefore }: JobFilter): string {
  const parts = [status, operation, namespace, label?.key, label?.value, submittedAfter, submittedBefore];
  return `jobs ${JSON.stringify(parts)}`;
}

/** Few jobs are unfinished at a time, so such a status narrows a list most, after a label. */
function walkOf(filter: JobFilter): [Walk, string[]] {
  const { label, status, namespace, operation } = filter;
  if (label !== undefined) return ['label', [label.key, label.value]];
  if (status !== undefined && !isTerminal(status)) return ['status', [status]];
  if (namespace !== undefined) return ['namespace', [namespace]];
  if (operation !== undefined) return ['operation', [operation]];
  if (status !== undefined) return ['status', [status]];
  return ['recent', []];
}

/** Before every job of the filter's end, which is exclusive: no job_id sorts before the empty one. */
function start(filter: JobFilter): [number, string] {
  return [filter.submittedBefore ?? Number.MAX_SAFE_INTEGER, ''];
}

function positionOf(sealed: readonly unknown[]): [number, string] {
  return [Number(sealed[0]), String(sealed[1])];
}

function fits(row: Row, { status, operation, namespace }: JobFilter): boolean {
  return (
    (status === undefined || row.status === status) &&
    (operation === undefined || row.operation === operation) &&
    (namespace === undefined || row.namespace === namespace)
  );
}
