import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { StorageError } from '../core/errors.ts';
import { type Clients, createClients } from '../platform/aws/clients.ts';
import { provision } from '../platform/aws/provision.ts';
import { type Resources, resources } from '../platform/aws/resources.ts';
import { explain } from '../worker/entry.ts';
import { awsOptions, parseSettings, SettingsError } from '../worker/settings.ts';
import { localSettings } from './settings.ts';

// `npm run provision`: makes the table, the queues and the bucket that DISKLANE_AWS_PREFIX and DISKLANE_POOLS name.
// With `--wait SECONDS` it tries again until then while the endpoint cannot: an emulator that is only starting.

const RETRY_MS = 1000;

try {
  const { values } = parseArgs({ options: { wait: { type: 'string', default: '0' } } });
  if (!/^\d{1,4}$/.test(values.wait)) throw new SettingsError('--wait: must be whole seconds, at most 9999');
  const settings = awsOptions(parseSettings(localSettings, process.env));
  const clients = createClients(settings);
  const wanted = resources(settings.prefix, settings.pools, settings.bucket);
  await provisionWithin(Number(values.wait) * 1000, clients, wanted);
  clients.close();
} catch (error) {
  console.error(`disklane: ${explain(error)}`);
  process.exitCode = 1;
}

async function provisionWithin(waitMs: number, clients: Clients, wanted: Resources): Promise<void> {
  const end = performance.now() + waitMs;
  for (;;) {
    try {
      return await provision(clients, wanted, console.log);
    } catch (error) {
      if (!(error instanceof StorageError) || performance.now() >= end) throw error;
      console.log(`waiting: ${explain(error)}`);
    }
    await sleep(RETRY_MS);
  }
}
