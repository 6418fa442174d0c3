// Sends messages that carry the time they were sent at, with pauses in which the receiver falls asleep.
import { setTimeout as sleep } from 'node:timers/promises';
import { openEmbeddedPlatform } from '../../../../platform/embedded/platform.ts';
import { newMessage } from '../../conformance/subject.ts';

const [dataDir = '', count = '0'] = process.argv.slice(2);
const { queue, close } = await openEmbeddedPlatform({ dataDir, publicUrl: 'http://localhost' });
for (let n = 0; n < Number(count); n++) {
  await sleep(20 + Math.random() * 10);
  const message = newMessage(String(performance.timeOrigin + performance.now()));
  await queue.send({ pool: 'default', band: 'high' }, message, { delaySeconds: 0, group: 'g' });
}
await close();
