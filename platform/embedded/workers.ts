import type { StatementSync } from 'node:sqlite';
import type { LiveWorker, WorkerRecord, WorkerRegistry } from '../../core/ports.ts';
import type { Database } from './database.ts';
import { integer, json } from './row.ts';

/** Workers by id. One that stopped beating is left out when the list is read; its row stays for its next start. */
export class EmbeddedWorkerRegistry implements WorkerRegistry {
  readonly #db: Database;
  readonly #clock: () => number;
  readonly #beat: StatementSync;
  readonly #list: StatementSync;
  readonly #remove: StatementSync;

  constructor(db: Database, clock: () => number) {
    this.#db = db;
    this.#clock = clock;
    this.#beat = db.prepare('REPLACE INTO workers (worker_id, seen_at, gone_at, record) VALUES (?, ?, ?, ?)');
    this.#list = db.prepare('SELECT seen_at, record FROM workers WHERE gone_at > ? ORDER BY worker_id');
    this.#remove = db.prepare('DELETE FROM workers WHERE worker_id = ?');
  }

  async beat(worker: WorkerRecord): Promise<void> {
    const record = JSON.stringify(worker);
    const now = this.#clock();
    const goneAt = now + Math.ceil(worker.time_to_live_seconds * 1000);
    await this.#db.write(() => this.#beat.run(worker.worker_id, now, goneAt, record), { durable: false });
  }

  async list(): Promise<readonly LiveWorker[]> {
    const rows = await this.#db.read(() => this.#list.all(this.#clock()));
    return rows.map((row) => ({ ...json<WorkerRecord>(row, 'record'), seen_at: integer(row, 'seen_at') }));
  }

  async remove(workerId: string): Promise<void> {
    await this.#db.write(() => this.#remove.run(workerId), { durable: false });
  }
}
