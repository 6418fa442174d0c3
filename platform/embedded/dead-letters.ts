import type { StatementSync } from 'node:sqlite';
import type { DeadLetter, JobQueue, Lane, QueueMessage } from '../../core/ports.ts';
import type { Database } from './database.ts';
import { laneName } from './lane.ts';
import { integer, json, text } from './row.ts';

type DeadLetters = JobQueue['deadLetters'];

/** Messages put aside, by lane, oldest first. A redriven one forms a fairness group with the others that were. */
export class EmbeddedDeadLetters implements DeadLetters {
  readonly #db: Database;
  readonly #clock: () => number;
  readonly #announce: (lane: string) => void;
  readonly #put: StatementSync;
  readonly #list: StatementSync;
  readonly #take: StatementSync;
  readonly #send: StatementSync;

  /** @param announce called when messages of a lane were sent and committed */
  constructor(db: Database, clock: () => number, announce: (lane: string) => void) {
    this.#db = db;
    this.#clock = clock;
    this.#announce = announce;
    this.#put = db.prepare('INSERT INTO dead_letters (lane, at, reason, message) VALUES (?, ?, ?, ?)');
    this.#list = db.prepare(
      'SELECT id, at, reason, message FROM dead_letters WHERE lane = ? ORDER BY id LIMIT ?',
    );
    this.#take = db.prepare('DELETE FROM dead_letters WHERE id = ?');
    this.#send = db.prepare(
      `INSERT INTO queue (lane, fairness_group, state, visible_at, message) VALUES (?, '', 0, ?, ?)`,
    );
  }

  async put(lane: Lane, message: QueueMessage, reason: string): Promise<void> {
    const stored = JSON.stringify(message);
    await this.#db.write(() => this.#put.run(laneName(lane), this.#clock(), reason, stored));
  }

  async list(lane: Lane, limit: number): Promise<readonly DeadLetter[]> {
    const rows = await this.#db.read(() => this.#list.all(laneName(lane), limit));
    return rows.map((row) => ({
      id: String(integer(row, 'id')),
      message: json<QueueMessage>(row, 'message'),
      reason: text(row, 'reason'),
      at: integer(row, 'at'),
    }));
  }

  async redrive(lane: Lane, limit: number): Promise<number> {
    const name = laneName(lane);
    const count = await this.#db.write(() => {
      const rows = this.#list.all(name, limit);
      for (const row of rows) {
        this.#send.run(name, this.#clock(), text(row, 'message'));
        this.#take.run(integer(row, 'id'));
      }
      return rows.length;
    });
    this.#announce(name);
    return count;
  }
}
