import type { StatementSync } from 'node:sqlite';
import { requireDelay } from '../../core/port-limits.ts';
import type { JobQueue, Lane, QueueMessage, ReceivedMessage } from '../../core/ports.ts';
import { Arrivals } from './arrivals.ts';
import type { Database } from './database.ts';
import { EmbeddedDeadLetters } from './dead-letters.ts';
import { laneName } from './lane.ts';
import { integer, json, type Row, text } from './row.ts';

/** Queue states as stored; see schema.ts. */
const [READY, DELAYED, HELD] = [0, 1, 2];

/**
 * Messages survive this process being killed; after a power cut the sweeper sends them again, since the job's
 * record alone says what is to run. So they cost no fsync.
 */
const hint = { durable: false };

/**
 * Lanes of messages in one table. Receivers take turns over the fairness groups of a lane, and within a group
 * the oldest message comes first.
 */
export class EmbeddedJobQueue implements JobQueue {
  readonly deadLetters: EmbeddedDeadLetters;
  readonly #db: Database;
  readonly #clock: () => number;
  readonly #arrivals: Arrivals;
  /** The group served last, by lane: each process takes its own turns, which is fair in sum. */
  readonly #turns = new Map<string, string>();
  readonly #send: StatementSync;
  readonly #anyReady: StatementSync;
  readonly #nextVisible: StatementSync;
  readonly #ripen: StatementSync;
  readonly #nextOf: StatementSync;
  readonly #firstOfAll: StatementSync;
  readonly #hold: StatementSync;
  readonly #change: StatementSync;
  readonly #remove: StatementSync;
  readonly #countReady: StatementSync;
  readonly #countLater: StatementSync;
  #closed = false;

  constructor(db: Database, clock: () => number) {
    this.#db = db;
    this.#clock = clock;
    this.#arrivals = new Arrivals(db);
    this.#send = db.prepare(
      'INSERT INTO queue (lane, fairness_group, state, visible_at, message) VALUES (?, ?, ?, ?, ?)',
    );
    this.#anyReady = db.prepare('SELECT 1 FROM queue WHERE lane = ? AND state = 0 LIMIT 1');
    this.#nextVisible = db.prepare(
      'SELECT visible_at FROM queue WHERE lane = ? AND state <> 0 ORDER BY visible_at LIMIT 1',
    );
    this.#ripen = db.prepare('UPDATE queue SET state = 0 WHERE lane = ? AND state <> 0 AND visible_at <= ?');
    this.#nextOf = db.prepare(
      `SELECT id, fairness_group, receives, message FROM queue
        WHERE lane = ? AND state = 0 AND fairness_group > ? ORDER BY fairness_group, id LIMIT 1`,
    );
    this.#firstOfAll = db.prepare(
      `SELECT id, fairness_group, receives, message FROM queue
        WHERE lane = ? AND state = 0 ORDER BY fairness_group, id LIMIT 1`,
    );
    this.#hold = db.prepare(
      'UPDATE queue SET state = 2, visible_at = ?, receives = receives + 1 WHERE id = ?',
    );
    this.#change = db.prepare(
      'UPDATE queue SET state = ?, visible_at = ? WHERE id = ? AND receives = ? AND lane = ?',
    );
    this.#remove = db.prepare('DELETE FROM queue WHERE id = ? AND receives = ? AND lane = ?');
    this.#countReady = db.prepare('SELECT count(*) AS n FROM queue WHERE lane = ? AND state = 0');
    this.#countLater = db.prepare(
      `SELECT count(*) FILTER (WHERE visible_at <= ?1) AS visible,
        count(*) FILTER (WHERE visible_at > ?1 AND state = 1) AS delayed,
        count(*) FILTER (WHERE visible_at > ?1 AND state = 2) AS held
        FROM queue WHERE lane = ?2 AND state <> 0`,
    );
    this.deadLetters = new EmbeddedDeadLetters(db, clock, (lane) => this.#arrivals.announce(lane));
  }

  async send(
    lane: Lane,
    message: QueueMessage,
    { delaySeconds, group }: { delaySeconds: number; group: string },
  ): Promise<void> {
    requireDelay(delaySeconds);
    const name = laneName(lane);
    const stored = JSON.stringify(message);
    const state = delaySeconds === 0 ? READY : DELAYED;
    const visibleAt = this.#clock() + Math.ceil(delaySeconds * 1000);
    await this.#db.write(() => this.#send.run(name, group, state, visibleAt, stored), hint);
    // Delayed ones too: who waits must know until when.
    this.#arrivals.announce(name);
  }

  async receive(
    lane: Lane,
    options: { max: number; waitSeconds: number; visibilitySeconds: number; signal?: AbortSignal },
  ): Promise<readonly ReceivedMessage[]> {
    const { max, waitSeconds, visibilitySeconds, signal } = options;
    const name = laneName(lane);
    const end = performance.now() + waitSeconds * 1000;
    for (;;) {
      if (signal?.aborted || this.#closed) return [];
      const listening = this.#arrivals.listen(name, signal);
      try {
        const ripeInMs = await this.#db.read(() => this.#ripeIn(name));
        if (ripeInMs <= 0) {
          const taken = await this.#db.write(() => this.#take(name, max, visibilitySeconds), hint);
          if (taken.length > 0) return taken;
          // Another receiver was faster: look again.
          if (performance.now() < end) continue;
        }
        const leftMs = end - performance.now();
        if (leftMs <= 0) return [];
        await listening.arrived(Math.min(leftMs, ripeInMs));
      } finally {
        listening.stop();
      }
    }
  }

  async extend(lane: Lane, receipt: string, visibilitySeconds: number): Promise<boolean> {
    return this.#setState(lane, receipt, HELD, visibilitySeconds);
  }

  async release(lane: Lane, receipt: string, delaySeconds: number): Promise<void> {
    requireDelay(delaySeconds);
    await this.#setState(lane, receipt, delaySeconds === 0 ? READY : DELAYED, delaySeconds);
    this.#arrivals.announce(laneName(lane));
  }

  async remove(lane: Lane, receipt: string): Promise<void> {
    const [id, receives] = parseReceipt(receipt);
    await this.#db.write(() => this.#remove.run(id, receives, laneName(lane)), hint);
  }

  depth(lane: Lane): Promise<{ readonly visible: number; readonly delayed: number; readonly held: number }> {
    const name = laneName(lane);
    return this.#db.read(() => {
      const later = this.#countLater.get(this.#clock(), name);
      return {
        visible: integer(this.#countReady.get(name), 'n') + integer(later, 'visible'),
        delayed: integer(later, 'delayed'),
        held: integer(later, 'held'),
      };
    });
  }

  /** Ends every receive that waits. */
  close(): void {
    this.#closed = true;
    this.#arrivals.close();
  }

  /** Milliseconds until the lane has a visible message: 0 or less when it has one, infinite when it is empty. */
  #ripeIn(lane: string): number {
    if (this.#anyReady.get(lane) !== undefined) return 0;
    const next = this.#nextVisible.get(lane);
    return next === undefined ? Number.POSITIVE_INFINITY : integer(next, 'visible_at') - this.#clock();
  }

  #take(lane: string, max: number, visibilitySeconds: number): ReceivedMessage[] {
    const now = this.#clock();
    this.#ripen.run(lane, now);
    const taken: ReceivedMessage[] = [];
    while (taken.length < max) {
      const row = this.#next(lane);
      if (row === undefined) break;
      const [id, receives] = [integer(row, 'id'), integer(row, 'receives') + 1];
      this.#hold.run(now + Math.ceil(visibilitySeconds * 1000), id);
      taken.push({ message: json<QueueMessage>(row, 'message'), receipt: `${id}.${receives}`, receives });
    }
    return taken;
  }

  /** The oldest ready message of the next group in turn. */
  #next(lane: string): Row | undefined {
    const turn = this.#turns.get(lane);
    const row = (turn === undefined ? undefined : this.#nextOf.get(lane, turn)) ?? this.#firstOfAll.get(lane);
    if (row !== undefined) this.#turns.set(lane, text(row, 'fairness_group'));
    return row;
  }

  #setState(lane: Lane, receipt: string, state: number, seconds: number): Promise<boolean> {
    const [id, receives] = parseReceipt(receipt);
    const visibleAt = this.#clock() + Math.ceil(seconds * 1000);
    return this.#db.write(
      () => this.#change.run(state, visibleAt, id, receives, laneName(lane)).changes === 1,
      hint,
    );
  }
}

/** The message's id and the count of receives, which the next receive makes another one. */
function parseReceipt(receipt: string): [number, number] {
  const [id, receives] = receipt.split('.').map(Number);
  return [id ?? 0, receives ?? 0];
}
