import type { StatementSync } from 'node:sqlite';
import { isTerminal, type JobRecord } from '../../core/job/record.ts';
import { viewOf } from '../../core/job/view.ts';
import type { PageTokens } from '../../core/page-token.ts';
import type { JobFilter, JobStore, JobSummary, Page } from '../../core/ports.ts';
import type { Database } from './database.ts';
import { JobList } from './job-list.ts';
import { integer, json, type Row } from './row.ts';

/**
 * Jobs in one table: the record as JSON, its summary as the text that lists give, and what is looked for in
 * columns of their own. Operation, namespace, labels and submitted_at never change after the insert.
 */
export class EmbeddedJobStore implements JobStore {
  readonly #db: Database;
  readonly #clock: () => number;
  readonly #list: JobList;
  readonly #insert: StatementSync;
  readonly #insertLabel: StatementSync;
  readonly #get: StatementSync;
  readonly #refresh: StatementSync;
  readonly #replace: StatementSync;
  readonly #remove: StatementSync;
  readonly #removeLabel: StatementSync;
  readonly #due: StatementSync;
  readonly #unfinished: StatementSync;

  constructor(db: Database, tokens: PageTokens, clock: () => number) {
    this.#db = db;
    this.#clock = clock;
    this.#list = new JobList(db, tokens);
    this.#insert = db.prepare(
      `INSERT INTO jobs (job_id, version, status, unfinished, due_at, summary, record, operation, namespace,
        submitted_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (job_id) DO NOTHING`,
    );
    this.#insertLabel = db.prepare(
      'INSERT INTO job_labels (key, value, submitted_at, job_id) VALUES (?, ?, ?, ?)',
    );
    this.#get = db.prepare('SELECT record FROM jobs WHERE job_id = ?');
    // The usual change (heartbeat, progress) leaves the status, so it must not touch the status's index.
    this.#refresh = db.prepare(
      `UPDATE jobs SET version = ?, due_at = ?, summary = ?, record = ?
        WHERE job_id = ? AND version = ? AND status = ? AND unfinished = ?`,
    );
    this.#replace = db.prepare(
      `UPDATE jobs SET version = ?, due_at = ?, summary = ?, record = ?, status = ?, unfinished = ?
        WHERE job_id = ? AND version = ?`,
    );
    this.#remove = db.prepare('DELETE FROM jobs WHERE job_id = ? AND version = ? RETURNING record');
    this.#removeLabel = db.prepare(
      'DELETE FROM job_labels WHERE key = ? AND value = ? AND submitted_at = ? AND job_id = ?',
    );
    this.#due = db.prepare(
      'SELECT record FROM jobs INDEXED BY jobs_due WHERE due_at <= ? ORDER BY due_at LIMIT ?',
    );
    this.#unfinished = db.prepare('SELECT unfinished FROM job_counts');
  }

  async insert(record: JobRecord): Promise<{ inserted: true } | { inserted: false; existing: JobRecord }> {
    const { job_id, version, status, due_at, operation, namespace, submitted_at } = record;
    const [summary, stored] = [JSON.stringify(viewOf(record)), JSON.stringify(record)];
    const labels = Object.entries(record.labels);
    const existing = await this.#db.write(() => {
      const { changes } = this.#insert.run(
        job_id,
        version,
        status,
        unfinished(record),
        due_at,
        summary,
        stored,
        operation,
        namespace,
        submitted_at,
      );
      if (changes === 0) return this.#get.get(job_id);
      for (const [key, value] of labels) this.#insertLabel.run(key, value, submitted_at, job_id);
      return undefined;
    });
    return existing === undefined ? { inserted: true } : { inserted: false, existing: recordOf(existing) };
  }

  async get(jobId: string): Promise<JobRecord | null> {
    const row = await this.#db.read(() => this.#get.get(jobId));
    return row === undefined ? null : recordOf(row);
  }

  async replace(
    record: JobRecord,
    expectedVersion: number,
  ): Promise<{ replaced: true } | { replaced: false; current: JobRecord | null }> {
    const { job_id, version, status, due_at } = record;
    const [summary, stored] = [JSON.stringify(viewOf(record)), JSON.stringify(record)];
    const open = unfinished(record);
    const outcome = await this.#db.write(() => {
      const changed =
        this.#refresh.run(version, due_at, summary, stored, job_id, expectedVersion, status, open).changes ||
        this.#replace.run(version, due_at, summary, stored, status, open, job_id, expectedVersion).changes;
      return changed === 1 ? 'replaced' : this.#get.get(job_id);
    });
    if (outcome === 'replaced') return { replaced: true };
    return { replaced: false, current: outcome === undefined ? null : recordOf(outcome) };
  }

  remove(jobId: string, expectedVersion: number): Promise<boolean> {
    return this.#db.write(() => {
      const row = this.#remove.get(jobId, expectedVersion);
      if (row === undefined) return false;
      const { labels, submitted_at } = recordOf(row);
      for (const [key, value] of Object.entries(labels)) {
        this.#removeLabel.run(key, value, submitted_at, jobId);
      }
      return true;
    });
  }

  list(filter: JobFilter, limit: number, pageToken: string | null): Promise<Page<JobSummary>> {
    return this.#list.page(filter, limit, pageToken);
  }

  async due(now: number, limit: number): Promise<readonly JobRecord[]> {
    const rows = await this.#db.read(() => this.#due.all(now, limit));
    return rows.map(recordOf);
  }

  unfinished(): Promise<number> {
    return this.#db.read(() => integer(this.#unfinished.get(), 'unfinished'));
  }

  now(): number {
    return this.#clock();
  }
}

function unfinished(record: JobRecord): number {
  return !isTerminal(record.status) && !record.held ? 1 : 0;
}

function recordOf(row: Row): JobRecord {
  return json<JobRecord>(row, 'record');
}
