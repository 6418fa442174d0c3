import { catalogue } from '../catalogue/catalogue.ts';
import type { Feature } from '../catalogue/features.ts';
import type { JobDocument } from './document.ts';

/** What a worker must be and have to run a job; carried by the record and by the queue's message. */
export type Requirements = {
  readonly operation: string;
  readonly features: readonly Feature[];
  /** Pools that may run it; the first is the lane it is queued in. */
  readonly pools: readonly string[];
  readonly worker_id: string | null;
  readonly minimum_worker_version: string | null;
  readonly maximum_disk_size_gb: number | null;
  readonly privileged: boolean;
  readonly affinity: Readonly<Record<string, string>>;
  readonly anti_affinity: Readonly<Record<string, readonly string[]>>;
};

/** What a worker offers, as it registers it. */
export type Offer = {
  readonly worker_id: string;
  readonly pool: string;
  readonly version: string;
  readonly operations: readonly string[];
  readonly features: readonly string[];
  readonly max_disk_size_gb: number;
  readonly privileged: boolean;
  readonly labels: Readonly<Record<string, string>>;
};

export function requirementsOf(document: JobDocument): Requirements {
  const { constraints, routing } = document;
  const own = catalogue.get(document.operation)?.features ?? [];
  const wanted = [...own, ...constraints.required_capabilities, ...constraints.required_features];
  const pools = routing.worker_pool !== undefined ? [routing.worker_pool] : constraints.allowed_worker_pools;
  return {
    operation: document.operation,
    features: [...new Set(wanted)],
    pools: pools.length > 0 ? pools : ['default'],
    worker_id: routing.worker_id ?? null,
    minimum_worker_version: constraints.minimum_worker_version ?? null,
    maximum_disk_size_gb: constraints.maximum_disk_size_gb ?? null,
    privileged: constraints.require_privileged,
    affinity: routing.affinity ?? {},
    anti_affinity: routing.anti_affinity ?? {},
  };
}

/** What this worker lacks for the job, in words, or null when it can run it. */
export function mismatch(requires: Requirements, offer: Offer): string | null {
  if (!offer.operations.includes(requires.operation)) return `operation ${requires.operation}`;
  const missing = requires.features.find((feature) => !offer.features.includes(feature));
  if (missing !== undefined) return `feature ${missing}`;
  if (!requires.pools.includes(offer.pool)) return `a worker of pool ${requires.pools.join(' or ')}`;
  if (requires.worker_id !== null && requires.worker_id !== offer.worker_id)
    return `worker ${requires.worker_id}`;
  if (requires.minimum_worker_version !== null) {
    if (compareVersions(offer.version, requires.minimum_worker_version) < 0) {
      return `worker version ${requires.minimum_worker_version} or newer`;
    }
  }
  if (requires.maximum_disk_size_gb !== null && offer.max_disk_size_gb < requires.maximum_disk_size_gb) {
    return `a worker that admits disks of ${requires.maximum_disk_size_gb} GB`;
  }
  if (requires.privileged && !offer.privileged) return 'a privileged worker';
  for (const [key, value] of Object.entries(requires.affinity)) {
    if (!has(offer.labels, key) || offer.labels[key] !== value) return `a worker labelled ${key}=${value}`;
  }
  for (const [key, values] of Object.entries(requires.anti_affinity)) {
    const value = has(offer.labels, key) ? offer.labels[key] : undefined;
    if (value !== undefined && values.includes(value)) return `a worker not labelled ${key}=${value}`;
  }
  return null;
}

function has(map: Readonly<Record<string, string>>, key: string): boolean {
  return Object.hasOwn(map, key);
}

/** Semantic versions by precedence (semver.org §11): negative when `a` comes first. */
export function compareVersions(a: string, b: string): number {
  const [coreA = '', preA] = split(a);
  const [coreB = '', preB] = split(b);
  const numbersA = coreA.split('.').map(Number);
  const numbersB = coreB.split('.').map(Number);
  for (let i = 0; i < 3; i++) {
    const difference = (numbersA[i] ?? 0) - (numbersB[i] ?? 0);
    if (difference !== 0) return difference;
  }
  if (preA === undefined || preB === undefined)
    return Number(preA === undefined) - Number(preB === undefined);
  return comparePrereleases(preA.split('.'), preB.split('.'));
}

function split(version: string): [string, string | undefined] {
  const [withoutBuild = ''] = version.split('+');
  const dash = withoutBuild.indexOf('-');
  return dash === -1
    ? [withoutBuild, undefined]
    : [withoutBuild.slice(0, dash), withoutBuild.slice(dash + 1)];
}

function comparePrereleases(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [left = '', right = ''] = [a[i], b[i]];
    const [numericLeft, numericRight] = [/^\d+$/.test(left), /^\d+$/.test(right)];
    if (numericLeft !== numericRight) return numericLeft ? -1 : 1;
    const difference = numericLeft ? Number(left) - Number(right) : left < right ? -1 : left > right ? 1 : 0;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
