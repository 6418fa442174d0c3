// Inserts, sends, puts and appends without end, and prints what was acknowledged, each time when it was.
import { writeSync } from 'node:fs';
import { openEmbeddedPlatform } from '../../../../platform/embedded/platform.ts';
import { newMessage, newRecord } from '../../conformance/subject.ts';

const [dataDir = '', round = ''] = process.argv.slice(2);
const platform = await openEmbeddedPlatform({ dataDir, publicUrl: 'http://localhost' });
const { jobs, queue, objects, events } = platform;
const lane = { pool: 'default', band: 'normal' } as const;
const acknowledge = (line: string) => writeSync(1, `${line}\n`);

async function forever(writer: number): Promise<void> {
  for (let n = 1; ; n++) {
    const id = `job-${round}-${writer}-${n}`;
    const record = newRecord({ job_id: id });
    await jobs.insert(record);
    acknowledge(`insert ${id}`);
    await queue.send(lane, newMessage(id), { delaySeconds: 0, group: `group-${writer}` });
    acknowledge(`send ${id}`);
    await events.append(id, [{ at: 1, phase: 'a', percent: 0, message: id }], 1);
    acknowledge(`append ${id}`);
    await jobs.replace({ ...record, version: 2, status: 'Running' }, 1);
    acknowledge(`replace ${id}`);
    const body = Buffer.alloc(50_000 + n, id);
    await objects.put(`objects/${id}`, body, { contentType: 'text/plain' });
    acknowledge(`put objects/${id} ${body.length}`);
    // The same key again and again: what is seen must be one whole version.
    await objects.put('objects/shared', body, { contentType: 'text/plain' });
  }
}
await Promise.all([forever(1), forever(2), forever(3), forever(4)]);
