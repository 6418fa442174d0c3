import type { InspectOptions } from '../inspection.ts';
import type { Limits } from '../limits.ts';
import type { Storage } from '../volumes/volume.ts';
import type { Inspection } from './facts.ts';
import { findGuests, otherSigns, releaseFiles } from './guests.ts';
import { readKernels } from './kernels.ts';
import { readNetwork } from './network/network.ts';
import { readPackages } from './packages.ts';
import { readServices } from './services.ts';
import { storageOf, warnOfStorage } from './storage.ts';
import { readSystem } from './system.ts';
import { readUsers } from './users.ts';
import type { Warnings } from './warnings.ts';

/** Everything of an inspection that comes from the storage and the guests on it. */
export type Gathered = Omit<Inspection, 'version' | 'image' | 'statistics' | 'warnings'>;

/**
 * Reads the facts that `options` ask for. `step` hears what is looked at next and how much is done (0 to 1).
 * @throws DiskError that concerns the whole run (see endsInspection); everything else becomes a warning
 */
export function gather(
  storage: Storage,
  options: InspectOptions,
  limits: Limits,
  warnings: Warnings,
  step: (message: string, done: number) => void,
): Gathered {
  warnOfStorage(storage, warnings);
  step('looking for operating systems', 0);
  const guests = findGuests(storage, limits, warnings);
  const systems = guests.map((guest) => {
    const kernels = readKernels(guest.tree);
    return { kernels, system: readSystem(guest, kernels) };
  });
  const main = guests[0];
  if (main === undefined) warnOfNone(storage, warnings);
  const tree = main?.tree ?? null;
  const found: Gathered = {
    operating_system: systems[0]?.system ?? null,
    operating_systems: systems.map(({ system }) => system),
    mounts: [...(main?.mounts ?? [])],
    kernels: systems[0]?.kernels ?? [],
    storage: storageOf(storage, options.include_storage),
  };
  if (options.include_packages) {
    step('reading packages', 0.2);
    found.packages =
      tree === null
        ? { count: isSeen(storage) ? 0 : null, manager: null, packages: [], details: [] }
        : readPackages(tree, limits, warnings);
  }
  if (options.include_services) {
    step('reading services', 0.5);
    found.services = tree === null ? { count: 0, services: [] } : readServices(tree);
  }
  if (options.include_users) {
    step('reading users', 0.8);
    found.users = tree === null ? { users: [], groups: [] } : readUsers(tree);
  }
  if (options.include_network) {
    step('reading the network', 0.9);
    found.network =
      tree === null
        ? { interfaces: [], dns: { servers: [], search: [] }, hosts: [] }
        : readNetwork(tree, warnings);
  }
  if (options.include_security !== false) {
    const message = 'the section "security" is not built yet and left out';
    warnings.add('SECTION_NOT_BUILT', message, 'security');
  }
  return found;
}

/** Whether a system could lie nowhere but where it was looked for. */
function isSeen(storage: Storage): boolean {
  return storage.volumes.every(
    ({ content: { status, type } }) => status === 'read' || status === 'skipped' || type === 'swap',
  );
}

/** Says what was looked for, and where: the reader can tell an empty disk from a system that is not known. */
function warnOfNone(storage: Storage, warnings: Warnings): void {
  const read = storage.volumes.filter(({ content }) => content.filesystem !== null).map(({ name }) => name);
  const where = read.length === 0 ? 'no filesystem could be read' : `looked on ${read.join(', ')}`;
  const signs = `${releaseFiles.join(' or ')}, or ${otherSigns.join(', ')} beside /bin, /sbin or /usr`;
  warnings.add('NO_OPERATING_SYSTEM', `${where}; none has ${signs}`, 'storage');
}
