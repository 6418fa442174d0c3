import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Served, ServeTask } from './broker.ts';
import type { Checksum, ChecksumTask } from './checksum.ts';

const entry = new URL('./thread.ts', import.meta.url);

/** Idle threads kept for the next tasks; the rest end. One costs about 5 MB and 10 ms or more to start. */
const KEPT = 4;

/**
 * Threads for what blocks: serving a child, hashing a file. Each task has a thread to itself, so that jobs
 * never wait for each other; threads are reused.
 */
export class Threads {
  readonly #idle: Worker[] = [];
  #closed = false;

  /** Starts a thread ahead of the first task. */
  warm(): void {
    if (this.#idle.length === 0) this.#idle.push(start());
  }

  serve(task: ServeTask): Promise<Served> {
    return this.#run(task);
  }

  checksum(task: ChecksumTask): Promise<Checksum> {
    return this.#run(task);
  }

  /** Ends the idle threads; one that is still busy ends with its task. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#idle.splice(0).map((thread) => thread.terminate()));
  }

  /** The two callers know which answer their task has. */
  async #run<Answer>(task: ServeTask | ChecksumTask): Promise<Answer> {
    const thread = this.#idle.pop() ?? start();
    try {
      const answer = await perform<Answer>(thread, task);
      if (this.#closed || this.#idle.length >= KEPT) await thread.terminate();
      else this.#idle.push(thread);
      return answer;
    } catch (error) {
      await thread.terminate();
      throw error;
    }
  }
}

function start(): Worker {
  const thread = new Worker(entry, { env: {}, execArgv: [] });
  thread.unref();
  // One that fails while idle shows itself at its next task, by its exit.
  thread.on('error', () => {});
  return thread;
}

type Said<Answer> = { answer: Answer } | { error: unknown };

async function perform<Answer>(thread: Worker, task: ServeTask | ChecksumTask): Promise<Answer> {
  const listening = new AbortController();
  const { signal } = listening;
  try {
    const said = once(thread, 'message', { signal });
    const exited = once(thread, 'exit', { signal });
    thread.postMessage(task);
    const ended = exited.then(() => {
      throw new Error('a reader thread ended');
    });
    const [message]: Said<Answer>[] = await Promise.race([said, ended]);
    if (message === undefined || 'error' in message) throw message?.error;
    return message.answer;
  } finally {
    listening.abort();
  }
}
