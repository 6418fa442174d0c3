import { openProvisioned, type Provisioned } from '../platform/aws/factory.ts';
import type { Settings } from './support.ts';

/** The environment of a service on these resources. */
export function awsSettings({ endpoint, settings }: Provisioned): Settings {
  return {
    DISKLANE_PLATFORM: 'aws',
    DISKLANE_AWS_ENDPOINT: endpoint.proxy.url,
    DISKLANE_AWS_PUBLIC_ENDPOINT: endpoint.s3Url,
    DISKLANE_AWS_PREFIX: settings.prefix,
    DISKLANE_SWEEP_SECONDS: '1',
    DISKLANE_LOG_LEVEL: 'warn',
    AWS_REGION: settings.region ?? '',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  };
}

/**
 * What the service under an end-to-end test runs on: the endpoint that DISKLANE_TEST_AWS_ENDPOINT names, else
 * what the service chooses itself, the embedded platform.
 */
export async function testedPlatform(): Promise<{ settings: Settings; close(): Promise<void> }> {
  if (process.env.DISKLANE_TEST_AWS_ENDPOINT === undefined) return { settings: {}, close: async () => {} };
  const at = await openProvisioned();
  return { settings: awsSettings(at), close: () => at.close() };
}
