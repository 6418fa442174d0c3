/** The entry of a reader thread: performs one task at a time, blocking, and answers each once. */
import { parentPort } from 'node:worker_threads';
import { type ServeTask, serve } from './broker.ts';
import { type ChecksumTask, checksum } from './checksum.ts';

const port = parentPort;
if (port === null) throw new Error('thread.ts is the entry of a worker thread');

port.on('message', (task: ServeTask | ChecksumTask) => {
  try {
    port.postMessage({ answer: task.kind === 'serve' ? serve(task) : checksum(task) });
  } catch (error) {
    port.postMessage({ error });
  }
});
