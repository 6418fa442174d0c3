import type { Lane } from '../../../core/ports.ts';
import { createClients } from '../../../platform/aws/clients.ts';
import { type AwsPlatform, openAwsPlatform } from '../../../platform/aws/platform.ts';
import { provision } from '../../../platform/aws/provision.ts';
import { provisionQueue } from '../../../platform/aws/provision-queue.ts';
import { laneQueue, type Resources, resources } from '../../../platform/aws/resources.ts';
import type { AwsSettings } from '../../../platform/aws/settings.ts';
import { type Endpoint, openEndpoint } from './endpoint.ts';

// Credentials that every emulator takes; a real account's are never used by tests.
process.env.AWS_ACCESS_KEY_ID = 'test';
process.env.AWS_SECRET_ACCESS_KEY = 'test';

/** A provisioned platform of its own on an endpoint. */
export type Provisioned = {
  readonly endpoint: Endpoint;
  readonly settings: AwsSettings;
  readonly resources: Resources;
  /** Opens the platform, with some settings changed; closed with the endpoint. */
  platform(changes?: Partial<AwsSettings>, options?: { countMs: number }): Promise<AwsPlatform>;
  /** Makes the queues of another lane. */
  addLane(lane: Lane): Promise<void>;
  close(): Promise<void>;
};

let made = 0;

/** Provisions resources with names that no other test uses, behind a proxy. */
export async function openProvisioned(): Promise<Provisioned> {
  const endpoint = await openEndpoint();
  made += 1;
  const settings: AwsSettings = {
    region: 'eu-central-1',
    endpoint: endpoint.proxy.url,
    publicEndpoint: endpoint.s3Url,
    prefix: `t${process.pid.toString(36)}-${Date.now().toString(36).slice(-6)}-${made}`,
    pools: ['default'],
  };
  const described = resources(settings.prefix, settings.pools);
  const clients = createClients(settings);
  await provision(clients, described);
  const platforms: AwsPlatform[] = [];
  return {
    endpoint,
    settings,
    resources: described,
    async platform(changes = {}, options = { countMs: 0 }) {
      const platform = await openAwsPlatform({ ...settings, ...changes }, options);
      platforms.push(platform);
      return platform;
    },
    addLane: (lane) => provisionQueue(clients.sqs, laneQueue(settings.prefix, lane), () => {}),
    async close() {
      for (const platform of platforms) await platform.close();
      clients.close();
      await endpoint.close();
    },
  };
}
