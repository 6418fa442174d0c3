import { describe, expect, test } from 'vitest';
import { compareVersions, mismatch, type Offer, requirementsOf } from '../../../core/job/requirements.ts';
import { sampleDocument } from '../support/samples.ts';

const offer: Offer = {
  worker_id: 'host-1',
  pool: 'default',
  version: '1.2.0',
  operations: ['test.echo', 'guestkit.inspect'],
  features: ['disk_readers', 'kvm'],
  max_disk_size_gb: 100,
  privileged: false,
  labels: { zone: 'a', rack: '7' },
};

const requires = (fields: Readonly<Record<string, unknown>>) => requirementsOf(sampleDocument(fields));
const inspect = {
  operation: 'guestkit.inspect',
  payload: { type: 'guestkit.inspect.v1', data: { image: { path: '/a' } } },
};

describe('a worker lacks', () => {
  test.each([
    [
      'the operation',
      'operation system.echo',
      { operation: 'system.echo', payload: { type: 'system.echo.v1', data: {} } },
      {},
    ],
    ["a feature of the operation's own", 'feature disk_readers', inspect, { features: [] }],
    ['a required capability', 'feature nbd', { constraints: { required_capabilities: ['nbd'] } }, {}],
    ['a required feature', 'feature lvm', { constraints: { required_features: ['kvm', 'lvm'] } }, {}],
    ['the pool that is routed to', 'a worker of pool big', { routing: { worker_pool: 'big' } }, {}],
    [
      'every pool that is allowed',
      'a worker of pool big or default',
      { constraints: { allowed_worker_pools: ['big', 'default'] } },
      { pool: 'other' },
    ],
    ['the default pool when none is named', 'a worker of pool default', {}, { pool: 'big' }],
    ['the worker_id', 'worker host-2', { routing: { worker_id: 'host-2' } }, {}],
    [
      'the version',
      'worker version 1.2.1 or newer',
      { constraints: { minimum_worker_version: '1.2.1' } },
      {},
    ],
    [
      'the release of its pre-release',
      'worker version 1.2.0 or newer',
      { constraints: { minimum_worker_version: '1.2.0' } },
      { version: '1.2.0-rc.1' },
    ],
    [
      'the disk size',
      'a worker that admits disks of 101 GB',
      { constraints: { maximum_disk_size_gb: 101 } },
      {},
    ],
    ['the privilege', 'a privileged worker', { constraints: { require_privileged: true } }, {}],
    ["a label's value", 'a worker labelled zone=b', { routing: { affinity: { rack: '7', zone: 'b' } } }, {}],
    ['a label', 'a worker labelled gpu=', { routing: { affinity: { gpu: '' } } }, {}],
    [
      'a label that every object inherits',
      'a worker labelled toString=x',
      { routing: { affinity: { toString: 'x' } } },
      {},
    ],
    [
      'the absence of a label',
      'a worker not labelled zone=a',
      { routing: { anti_affinity: { zone: ['b', 'a'] } } },
      {},
    ],
  ])('%s', (_what, lacking, fields, changed) => {
    expect(mismatch(requires(fields), { ...offer, ...changed })).toBe(lacking);
  });
});

test.each([
  ['an echo', {}],
  ['an inspection', inspect],
  ['the same version', { constraints: { minimum_worker_version: '1.2.0' } }],
  ['exactly the disk size', { constraints: { maximum_disk_size_gb: 100 } }],
  ['one of the pools', { constraints: { allowed_worker_pools: ['big', 'default'] } }],
  ['its own id', { routing: { worker_id: 'host-1' } }],
  [
    'its labels',
    { routing: { affinity: { zone: 'a' }, anti_affinity: { zone: ['b'], gpu: ['x'], constructor: ['y'] } } },
  ],
])('a worker that fits can run a job that asks for %s', (_what, fields) => {
  expect(mismatch(requires(fields), offer)).toBeNull();
});

test('a job is queued in the pool it is routed to, else the first allowed, else default', () => {
  const pools = ['big', 'default'];
  expect(requires({ constraints: { allowed_worker_pools: pools } }).pools).toEqual(pools);
  expect(
    requires({ constraints: { allowed_worker_pools: pools }, routing: { worker_pool: 'default' } }).pools,
  ).toEqual(['default']);
  expect(requires({}).pools).toEqual(['default']);
});

test('a feature asked for twice is required once', () => {
  const constraints = { required_capabilities: ['kvm', 'disk_readers'], required_features: ['kvm'] };
  expect([...requires({ ...inspect, constraints }).features].sort()).toEqual(['disk_readers', 'kvm']);
});

test('versions are ordered by precedence (semver.org, item 11)', () => {
  const ordered = [
    '0.9.9',
    '1.0.0-1',
    '1.0.0-2',
    '1.0.0-10',
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0-rc-1.x',
    '1.0.0',
    '1.0.1-0',
    '1.0.1',
    '1.0.10',
    '1.2.0',
    '1.10.0',
    '2.0.0',
    '10.0.0',
  ];
  for (const [i, a] of ordered.entries()) {
    for (const [j, b] of ordered.entries()) {
      expect(Math.sign(compareVersions(a, b)), `${a} and ${b}`).toBe(Math.sign(i - j));
    }
  }
});

test('build metadata does not count', () => {
  expect(compareVersions('1.0.0+a', '1.0.0+b-7')).toBe(0);
  expect(compareVersions('1.0.0-rc.1+5', '1.0.0-rc.1')).toBe(0);
  expect(compareVersions('1.0.0+rc', '1.0.0-rc')).toBeGreaterThan(0);
});
