import type { StatementSync } from 'node:sqlite';
import type { EventLog, EventSequence, JobEvent } from '../../core/ports.ts';
import type { Database } from './database.ts';
import { integer, text } from './row.ts';

/** Events by job, record version and position within it. */
export class EmbeddedEventLog implements EventLog {
  readonly #db: Database;
  readonly #has: StatementSync;
  readonly #insert: StatementSync;
  readonly #after: StatementSync;
  readonly #remove: StatementSync;

  constructor(db: Database) {
    this.#db = db;
    this.#has = db.prepare('SELECT 1 FROM events WHERE job_id = ? AND version = ? LIMIT 1');
    this.#insert = db.prepare(
      `INSERT INTO events (job_id, version, position, at, phase, percent, message)
        VALUES (?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#after = db.prepare(
      `SELECT version, position, at, phase, percent, message FROM events
        WHERE job_id = ? AND (version, position) > (?, ?) ORDER BY version, position LIMIT ?`,
    );
    this.#remove = db.prepare('DELETE FROM events WHERE job_id = ?');
  }

  async append(jobId: string, events: readonly JobEvent[], version: number): Promise<void> {
    await this.#db.write(() => {
      // One append is one transaction, so a version is there as a whole or not at all.
      if (this.#has.get(jobId, version) !== undefined) return;
      for (const [position, { at, phase, percent, message }] of events.entries()) {
        this.#insert.run(jobId, version, position, at, phase, percent, message);
      }
    });
  }

  async after(
    jobId: string,
    sequence: EventSequence | null,
    limit: number,
  ): Promise<readonly (JobEvent & { readonly sequence: EventSequence })[]> {
    const { version, index } = sequence ?? { version: -1, index: -1 };
    const rows = await this.#db.read(() => this.#after.all(jobId, version, index, limit));
    return rows.map((row) => ({
      at: integer(row, 'at'),
      phase: text(row, 'phase'),
      percent: integer(row, 'percent'),
      message: text(row, 'message'),
      sequence: { version: integer(row, 'version'), index: integer(row, 'position') },
    }));
  }

  async remove(jobId: string): Promise<void> {
    await this.#db.write(() => this.#remove.run(jobId));
  }
}
