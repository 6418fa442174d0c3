import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { EmbeddedPlatform } from '../../../platform/embedded/platform.ts';
import { openEmbeddedPlatform } from '../../../platform/embedded/platform.ts';
import { scratch } from '../../support/scratch.ts';
import { startChild } from './children/child.ts';

const ROUNDS = 6;

async function queuedJobs({ queue }: EmbeddedPlatform): Promise<Set<string>> {
  const found = new Set<string>();
  for (;;) {
    const options = { max: 100, waitSeconds: 0, visibilitySeconds: 3600 };
    const some = await queue.receive({ pool: 'default', band: 'normal' }, options);
    if (some.length === 0) return found;
    for (const { message } of some) found.add(message.job_id);
  }
}

async function requireWholeObjects({ objects }: EmbeddedPlatform): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  let token: string | null = null;
  do {
    const page = await objects.list('', 100, token);
    for (const info of page.items) {
      const got = await objects.get(info.key);
      const bytes = Buffer.concat(await Array.fromAsync(got?.body ?? []));
      expect(bytes.length).toBe(info.size);
      expect(`"${createHash('sha256').update(bytes).digest('hex')}"`).toBe(info.etag);
      sizes.set(info.key, info.size);
    }
    token = page.next;
  } while (token !== null);
  return sizes;
}

test('kill -9 at any moment loses nothing that was acknowledged and shows no torn object', async () => {
  const dataDir = join(await scratch(), 'data');
  const acknowledged: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const child = startChild('acknowledge.ts', dataDir, String(round));
    // By count and not by time, so that a busy machine tests as much; then somewhere within the next writes.
    const enough = 20 + Math.random() * 150;
    while (child.lines.length < enough) await child.line();
    await sleep(Math.random() * 10);
    await child.kill();
    acknowledged.push(...child.lines);
  }
  expect(acknowledged.length).toBeGreaterThan(ROUNDS * 20);

  const platform = await openEmbeddedPlatform({ dataDir, publicUrl: 'http://localhost' });
  try {
    const queued = await queuedJobs(platform);
    const objects = await requireWholeObjects(platform);
    for (const line of acknowledged) {
      const [what, name = '', size] = line.split(' ');
      if (what === 'insert') expect(await platform.jobs.get(name), line).toMatchObject({ job_id: name });
      if (what === 'replace') expect(await platform.jobs.get(name), line).toMatchObject({ version: 2 });
      if (what === 'append') expect(await platform.events.after(name, null, 10), line).toHaveLength(1);
      if (what === 'send') expect(queued.has(name), line).toBe(true);
      if (what === 'put') expect(objects.get(name), line).toBe(Number(size));
    }
  } finally {
    await platform.close();
  }
});
