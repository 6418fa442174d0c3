import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const exec = promisify(execFile);

/** A user that owns nothing: `nobody` of Debian and most others. */
const NOBODY = '65534';

/**
 * What the process may need on top of its memory limit: V8 reserves 512 MB of address space that the kernel
 * counts as data though it is never touched, and Node does not start below 573 MB.
 */
const RESERVED_DATA = 640 * 1024 ** 2;

/**
 * The command that stands in front of `node`, and flags for it. Each part is used where it works here, found out once by
 * trying it; together they add 3 ms to a start. What each is for:
 * - unshare: namespaces without any network. The permission model of Node 24 does not stop TCP.
 * - setpriv: the child dies with the thread that started it, the worker's main one, even in an endless loop; no
 *   new privileges; and where we are
 *   root, it is nobody instead, who may neither signal the worker nor read its files.
 * - prlimit: no core dump of guest data, no file written, few descriptors, and data bounded as the backstop
 *   of the sampled memory limit.
 */
export type Isolation = {
  readonly command: readonly string[];
  /** Names of what could be had, for the log and the worker's record. */
  readonly parts: readonly string[];
};

type Choice = { readonly part: string; readonly command: readonly string[] };

function choices(memoryBytes: number): readonly (readonly Choice[])[] {
  const dies = ['setpriv', '--pdeathsig', 'KILL', '--no-new-privs'];
  const nobody = ['--reuid', NOBODY, '--regid', NOBODY, '--clear-groups', '--inh-caps=-all'];
  const data = `--data=${RESERVED_DATA + memoryBytes}`;
  return [
    [
      { part: 'network namespace', command: ['unshare', '--net', '--ipc', '--uts', '--'] },
      { part: 'network and user namespace', command: ['unshare', '--user', '--net', '--ipc', '--uts', '--'] },
    ],
    [
      { part: 'other user', command: [...dies, ...nobody, '--bounding-set=-all', '--'] },
      { part: 'dies with the worker', command: [...dies, '--'] },
    ],
    [{ part: 'resource limits', command: ['prlimit', '--core=0', '--fsize=0', '--nofile=64', data, '--'] }],
  ];
}

/** Finds the strongest isolation that can start `node` here; takes about 20 ms. */
export async function findIsolation(node: string, memoryBytes: number): Promise<Isolation> {
  const command: string[] = [];
  const parts: string[] = [];
  for (const alternatives of choices(memoryBytes)) {
    for (const choice of alternatives) {
      const [program = '', ...args] = choice.command;
      const path = await find(program);
      if (path === null || !(await starts([...command, path, ...args, node, '--version']))) continue;
      command.push(path, ...args);
      parts.push(choice.part);
      break;
    }
  }
  return { command, parts };
}

/** The child has no PATH, so the programs are named by where they are. */
async function find(program: string): Promise<string | null> {
  for (const folder of ['/usr/bin', '/bin', '/usr/sbin', '/sbin']) {
    const path = join(folder, program);
    const there = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (there) return path;
  }
  return null;
}

async function starts([file = '', ...args]: readonly string[]): Promise<boolean> {
  return exec(file, args, { env: {}, timeout: 10_000 }).then(
    () => true,
    () => false,
  );
}
