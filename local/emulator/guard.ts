import { execFileSync } from 'node:child_process';
import { endMarked } from './marked.ts';

/**
 * Stands beside what `startProcess` started, in a session of its own, and ends it when the process that started both is
 * gone, however it went: then the pipe that is its standard input ends, after kill -9 too. Its arguments are the
 * group, the mark, and a command to run last.
 */
const [group = '', mark = '', file, ...args] = process.argv.slice(2);
for await (const _ of process.stdin);
await endMarked({ group: Number(group), mark });
if (file !== undefined) execFileSync(file, args, { stdio: 'ignore' });
