import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { objectsRoute } from '../../../local/objects-route.ts';
import { openEmbeddedPlatform } from '../../../platform/embedded/platform.ts';
import { type Subject, unique } from '../conformance/subject.ts';

/** The embedded platform: two connections to one data directory, and a server for its presigned URLs. */
export const embedded: Subject = {
  name: 'embedded',
  lagMs: 0,
  queue: 'strict',
  objects: 'complete',
  async open() {
    const folder = await mkdtemp(join(tmpdir(), 'disklane-embedded-'));
    const app = new Hono();
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' });
    await new Promise((resolve) => server.once('listening', resolve));
    const publicUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const options = { dataDir: join(folder, 'data'), publicUrl };
    const [platform, other] = [await openEmbeddedPlatform(options), await openEmbeddedPlatform(options)];
    app.route('/', objectsRoute(platform.objects, platform.verifyPresigned));
    return {
      platform,
      other,
      lane: async () => ({ pool: unique('pool'), band: 'normal' }),
      async close() {
        await new Promise((resolve) => server.close(resolve));
        await platform.close();
        await other.close();
        await rm(folder, { recursive: true });
      },
    };
  },
};
