import { execFileSync } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { endMarked } from './marked.ts';

/**
 * Stands beside what `startProcess` starts, in a session of its own, and ends it when the process that started both is
 * gone, however it went: then the pipe that is its standard input ends, after kill -9 too. Its arguments are the mark
 * and a command to run last; the group comes by the pipe, since the guard is there first.
 */
const [mark = '', file, ...args] = process.argv.slice(2);
const group = Number(await text(process.stdin));
await endMarked({ group, mark });
if (file !== undefined) execFileSync(file, args, { stdio: 'ignore' });
