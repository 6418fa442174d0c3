import { createClients } from '../platform/aws/clients.ts';
import { provision } from '../platform/aws/provision.ts';
import { resources } from '../platform/aws/resources.ts';
import { explain } from '../worker/entry.ts';
import { awsOptions, parseSettings } from '../worker/settings.ts';
import { localSettings } from './settings.ts';

// `npm run provision`: makes the table, the queues and the bucket that DISKLANE_AWS_PREFIX and DISKLANE_POOLS name.
try {
  const settings = awsOptions(parseSettings(localSettings, process.env));
  const clients = createClients(settings);
  await provision(clients, resources(settings.prefix, settings.pools, settings.bucket), console.log);
  clients.close();
} catch (error) {
  console.error(`disklane: ${explain(error)}`);
  process.exitCode = 1;
}
