import { describe, expect, test } from 'vitest';
import { localSettings } from '../../local/settings.ts';
import {
  coreSettings,
  parseSettings,
  SettingsError,
  sweepMs,
  workerSettings,
} from '../../worker/settings.ts';

describe('a bad setting is refused by name:', () => {
  test.each([
    ['PORT', 'eighty'],
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['HOST', ''],
    ['DISKLANE_DATA_DIR', ''],
    ['DISKLANE_PUBLIC_URL', 'localhost:8080'],
    ['DISKLANE_PUBLIC_URL', 'ftp://host'],
    ['DISKLANE_PUBLIC_URL', 'https://host/?tenant=1'],
    ['DISKLANE_PUBLIC_URL', 'https://host/#top'],
    ['DISKLANE_PLATFORM', 'gcp'],
    ['DISKLANE_AWS_ENDPOINT', 'localhost:4566'],
    ['DISKLANE_AWS_PUBLIC_ENDPOINT', 'ftp://host'],
    ['DISKLANE_AWS_PREFIX', 'Disklane'],
    ['DISKLANE_AWS_PREFIX', '1disklane'],
    ['DISKLANE_AWS_PREFIX', 'a'.repeat(21)],
    ['DISKLANE_AWS_BUCKET', 'a/b'],
    ['DISKLANE_SWEEP_SECONDS', '0'],
    ['DISKLANE_POOLS', 'a, b'],
    ['DISKLANE_POOLS', 'a/b'],
    ['DISKLANE_LEASE_SECONDS', '0'],
    ['DISKLANE_LEASE_SECONDS', '30s'],
    ['DISKLANE_MAX_CRASHES', '0'],
    ['DISKLANE_MAX_JOBS', '1e9'],
    ['DISKLANE_MAX_JOBS', '9'.repeat(400)],
    ['DISKLANE_PRESIGN_SECONDS', '901'],
    ['DISKLANE_LOG_LEVEL', 'loud'],
    ['DISKLANE_CONCURRENCY', '0'],
    ['DISKLANE_CONCURRENCY', '2.5'],
    ['DISKLANE_CONCURRENCY', ''],
    ['DISKLANE_WORKER_ID', '../host'],
    ['DISKLANE_WORKER_ID', ''],
    ['DISKLANE_WORKER_POOL', 'a,b'],
    ['DISKLANE_WORKER_LABELS', 'zone'],
    ['DISKLANE_WORKER_LABELS', 'zone=a,,rack=7'],
    ['DISKLANE_MAX_DISK_GB', '0'],
    ['DISKLANE_DRAIN_SECONDS', '-1'],
    ['DISKLANE_READER_MEMORY_MB', '63'],
  ])('%s=%.20s', (name, value) => {
    const parse = () => parseSettings(localSettings, { [name]: value });
    expect(parse).toThrow(SettingsError);
    expect(parse).toThrow(new RegExp(`^${name}: `));
  });

  test.each(['DISKLANE_CONCURENCY', 'DISKLANE_', 'DISKLANE_toString'])('%s does not exist', (name) => {
    expect(() => parseSettings(workerSettings, { [name]: '1' })).toThrow(`${name}: no such setting`);
  });
});

test('what is not ours in the environment is not looked at', () => {
  expect(() => parseSettings(workerSettings, { PATH: '/bin', PORT: 'none', disklane_x: '1' })).not.toThrow();
});

test("a worker is not disturbed by the gateway's settings, nor the gateway by the worker's", () => {
  const environment = { DISKLANE_PUBLIC_URL: 'https://x.example/', DISKLANE_CONCURRENCY: '2' };
  expect(parseSettings(workerSettings, environment).DISKLANE_CONCURRENCY).toBe(2);
  expect(parseSettings(localSettings, environment).DISKLANE_PUBLIC_URL).toBe('https://x.example');
});

test('lists, labels and pools are taken apart', () => {
  const settings = parseSettings(localSettings, {
    DISKLANE_IMAGE_ROOTS: '/vms::/srv/images/:',
    DISKLANE_POOLS: 'big,default,big',
    DISKLANE_WORKER_LABELS: 'zone=a,rack=',
    DISKLANE_LEASE_SECONDS: '7',
  });
  expect(settings).toMatchObject({
    DISKLANE_IMAGE_ROOTS: ['/vms', '/srv/images'],
    DISKLANE_POOLS: ['default', 'big'],
    DISKLANE_WORKER_LABELS: { zone: 'a', rack: '' },
  });
  expect(coreSettings(settings)).toMatchObject({ pools: ['default', 'big'], leaseMs: 7000, maxCrashes: 3 });
});

test('the defaults are those of the README', () => {
  expect(parseSettings(localSettings, {})).toMatchObject({
    HOST: '127.0.0.1',
    PORT: 8080,
    DISKLANE_POOLS: ['default'],
    DISKLANE_LEASE_SECONDS: 30,
    DISKLANE_MAX_CRASHES: 3,
    DISKLANE_PRESIGN_SECONDS: 900,
  });
});

test('a process sweeps every second on one machine, every minute on AWS, or as often as it is told', () => {
  const ms = (environment: Record<string, string>) => sweepMs(parseSettings(workerSettings, environment));
  expect(ms({})).toBe(1000);
  expect(ms({ DISKLANE_PLATFORM: 'aws' })).toBe(60_000);
  expect(ms({ DISKLANE_PLATFORM: 'aws', DISKLANE_SWEEP_SECONDS: '5' })).toBe(5000);
});
