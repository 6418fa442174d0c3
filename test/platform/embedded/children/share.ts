// One of several processes on one data directory: inserts, increments a shared record, sends, and receives
// until all is sent and nothing came for a while. Prints what it received, then how much it sent and incremented.
import { openEmbeddedPlatform } from '../../../../platform/embedded/platform.ts';
import { newMessage, newRecord } from '../../conformance/subject.ts';

const [dataDir = '', name = '', count = '0'] = process.argv.slice(2);
const platform = await openEmbeddedPlatform({ dataDir, publicUrl: 'http://localhost' });
const { jobs, queue } = platform;
const lane = { pool: 'default', band: 'normal' } as const;
const start = performance.now();
let slowest = 0;
let written = false;

async function insert(): Promise<void> {
  for (let n = 0; n < Number(count); n++) {
    const before = performance.now();
    await jobs.insert(newRecord({ job_id: `shared-${name}-${n}` }));
    slowest = Math.max(slowest, performance.now() - before);
    await queue.send(lane, newMessage(`shared-${name}-${n}`), { delaySeconds: 0, group: name });
  }
}

async function increment(): Promise<void> {
  for (let n = 0; n < Number(count); ) {
    const record = await jobs.get('job-shared');
    if (record === null) throw new Error('the shared job is gone');
    const next = { ...record, version: record.version + 1, failures: record.failures + 1 };
    if ((await jobs.replace(next, record.version)).replaced) n++;
  }
}

async function receive(): Promise<void> {
  for (;;) {
    const some = await queue.receive(lane, { max: 3, waitSeconds: 2, visibilitySeconds: 60 });
    if (some.length === 0 && written) return;
    for (const { message, receipt } of some) {
      console.log(`received ${message.job_id}`);
      await queue.remove(lane, receipt);
    }
  }
}

const receiving = receive();
await Promise.all([insert(), increment()]);
written = true;
console.log(`written ${Math.round(performance.now() - start)} ${Math.round(slowest)}`);
await receiving;
await platform.close();
