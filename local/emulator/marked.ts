import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** What was asked to end may take this long before it is killed, in milliseconds. */
export const END_PATIENCE_MS = 10_000;

/** The variable by which a process and all it starts are known. */
export const MARK = 'EMULATOR_MARK';

/** What `startProcess` started, with a mark of its own in its environment. */
export type Marked = {
  /** The leader of the process group; 0 when it is not known. */
  readonly group: number;
  readonly mark: string;
};

/**
 * Ends all of them: SIGTERM to the leader, which may end the others in its own order (LocalStack starts a DynamoDB
 * anew that was ended behind its back); SIGTERM to those that it leaves; SIGKILL after the patience. Resolves when
 * none is left.
 *
 * On Linux they are found by the mark, since LocalStack starts Java in a session of its own, out of the group's
 * reach; elsewhere the group is all that can be told.
 */
export async function endMarked(marked: Marked, patienceMs: number = END_PATIENCE_MS): Promise<void> {
  const deadline = performance.now() + patienceMs;
  const asked = new Set<number>();
  for (;;) {
    const alive = await find(marked);
    if (alive.length === 0) return;
    const signal = performance.now() < deadline ? 'SIGTERM' : 'SIGKILL';
    const leaderLives = alive.includes(marked.group);
    for (const pid of alive) {
      if (signal === 'SIGTERM' && (asked.has(pid) || (leaderLives && pid !== marked.group))) continue;
      asked.add(pid);
      send(pid, signal);
    }
    await sleep(50);
  }
}

/** Process numbers, or the group's negative one where there is no /proc; empty when none is left. */
async function find({ group, mark }: Marked): Promise<number[]> {
  if (process.platform !== 'linux') return group !== 0 && send(-group, 0) ? [-group] : [];
  const wanted = `${MARK}=${mark}`;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      // Gone by now, or another user's: neither is ours. A zombie's environment is empty.
      const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
      return environment.split('\0').includes(wanted) ? [Number(pid)] : [];
    }),
  );
  return found.flat();
}

/** False when there is none. */
function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
