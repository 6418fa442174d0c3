import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Platform } from '../core/ports.ts';
import type { EmbeddedPlatform } from '../platform/embedded/platform.ts';
import { awsOptions, type SharedSettings } from './settings.ts';

/** A platform as a process of ours needs it. */
export type Opened = {
  readonly platform: Platform;
  /** This worker's id: the one the operator named, or one of the host that no other worker has; held until release. */
  workerIdentity(
    named: string | undefined,
  ): Promise<{ readonly id: string; readonly release: () => Promise<void> }>;
  /** What a presigned URL of the gateway's own grants; null where the bucket serves its URLs itself. */
  readonly verifyPresigned: EmbeddedPlatform['verifyPresigned'] | null;
};

/**
 * Opens the platform that DISKLANE_PLATFORM names; only that one's code is loaded. Throws a StorageError that
 * names what is missing.
 *
 * @param publicUrl where clients reach the gateway
 */
export function openPlatform(settings: SharedSettings, publicUrl: string): Promise<Opened> {
  return settings.DISKLANE_PLATFORM === 'aws' ? openAws(settings) : openEmbedded(settings, publicUrl);
}

async function openEmbedded(settings: SharedSettings, publicUrl: string): Promise<Opened> {
  const { openEmbeddedPlatform } = await import('../platform/embedded/platform.ts');
  const { workerIdentity } = await import('../platform/embedded/worker-identity.ts');
  const platform = await openEmbeddedPlatform({
    dataDir: settings.DISKLANE_DATA_DIR,
    publicUrl,
    imageRoots: settings.DISKLANE_IMAGE_ROOTS,
  });
  return {
    platform,
    workerIdentity: (named) => workerIdentity(platform.dataDir, named),
    verifyPresigned: platform.verifyPresigned,
  };
}

async function openAws(settings: SharedSettings): Promise<Opened> {
  const { openAwsPlatform } = await import('../platform/aws/platform.ts');
  const platform = await openAwsPlatform(awsOptions(settings));
  try {
    await platform.verify();
  } catch (error) {
    await platform.close();
    throw error;
  }
  return {
    platform,
    // Hosts share no folder to number their workers in: chance keeps them apart.
    workerIdentity: async (named) => ({ id: named ?? randomWorkerId(), release: async () => {} }),
    verifyPresigned: null,
  };
}

const HOST_LIMIT = 100;

function randomWorkerId(): string {
  return `${workerHost()}-${randomBytes(4).toString('hex')}`;
}

/** This host's name as the ids of its workers on AWS begin with it, before a `-`. */
export function workerHost(): string {
  const host = hostname()
    .replace(/[^A-Za-z0-9._-]/g, '_')
    .replace(/^\./, '_')
    .slice(0, HOST_LIMIT);
  return host || 'worker';
}
