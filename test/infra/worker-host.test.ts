import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cloudInit } from '../../infra/worker/cloud-init.ts';
import { parseSettings, workerSettings } from '../../worker/settings.ts';
import { run } from '../support/run.ts';

const unit = join(import.meta.dirname, '../../infra/worker/disklane-worker.service');
const release = { url: "https://example.com/disklane's.tar.gz", sha256: 'a'.repeat(64) };

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'disklane-test-'));
});

afterAll(() => rm(folder, { recursive: true }));

type Config = {
  readonly write_files: readonly { readonly path: string; readonly content: string }[];
  readonly runcmd: readonly (readonly string[])[];
};

function configOf(environment: Readonly<Record<string, string>>): Config {
  const [first, ...rest] = cloudInit({ release, environment }).split('\n');
  expect(first).toBe('#cloud-config');
  return JSON.parse(rest.join('\n'));
}

const fileOf = ({ write_files }: Config, path: string) =>
  write_files.find((file) => file.path === path)?.content ?? '';

test('the unit is one that systemd reads without a complaint', async () => {
  // The program it starts is not here: any other takes its place.
  const text = (await readFile(unit, 'utf8')).replace(/^ExecStart=.*$/m, 'ExecStart=/bin/true');
  const path = join(folder, 'disklane-worker.service');
  await writeFile(path, text);
  // It complains on standard error and exits with 0.
  const { stderr } = await promisify(execFile)('systemd-analyze', ['verify', '--man=no', path]);
  expect(stderr).toBe('');
});

test('the unit is watched, drains longer than the worker, and is hardened', async () => {
  const text = await readFile(unit, 'utf8');
  for (const line of [
    'Type=notify',
    'NotifyAccess=all',
    'WatchdogSec=60',
    'KillMode=mixed',
    'Restart=always',
  ]) {
    expect(text.split('\n')).toContain(line);
  }
  const patience = Number(/^TimeoutStopSec=(\d+)$/m.exec(text)?.[1]);
  const environment = environmentOf(fileOf(configOf({}), '/etc/disklane/worker.env'));
  expect(patience).toBeGreaterThan(Number(environment.DISKLANE_DRAIN_SECONDS));
  const rating = await run('systemd-analyze', ['security', '--offline=true', '--no-pager', unit]);
  const [, exposure] = /Overall exposure level[^:]*: ([\d.]+)/.exec(rating.toString()) ?? [];
  expect(Number(exposure)).toBeLessThan(3);
});

function environmentOf(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/^([^=]+)="(.*)"$/gm)].map(([, name, value]) => [name, value]));
}

test("the host's settings are the worker's, and its set-up is a script that bash reads", async () => {
  const config = configOf({ DISKLANE_AWS_BUCKET: 'some-bucket', AWS_REGION: 'eu-central-1' });
  const environment = environmentOf(fileOf(config, '/etc/disklane/worker.env'));
  const { DISKLANE_PLATFORM, DISKLANE_AWS_BUCKET } = parseSettings(workerSettings, environment);
  expect({ DISKLANE_PLATFORM, DISKLANE_AWS_BUCKET }).toEqual({
    DISKLANE_PLATFORM: 'aws',
    DISKLANE_AWS_BUCKET: 'some-bucket',
  });
  expect(fileOf(config, '/etc/systemd/system/disklane-worker.service')).toBe(await readFile(unit, 'utf8'));
  const script = fileOf(config, '/opt/disklane-setup');
  await run('bash', ['-n'], { input: script });
  expect(script).toContain("'https://example.com/disklane'\\''s.tar.gz'");
  expect(config.runcmd).toEqual([['/opt/disklane-setup']]);
});

test('credentials and settings that no file can hold are refused', () => {
  const make = (environment: Record<string, string>) => () => cloudInit({ release, environment });
  expect(make({ AWS_SECRET_ACCESS_KEY: 'x' })).toThrow(/no place for credentials/);
  expect(make({ DISKLANE_POOLS: 'a\nb' })).toThrow(/line break/);
  expect(make({ 'a b': 'c' })).toThrow(/no name of a setting/);
  const bad = { ...release, sha256: 'no' };
  expect(() => cloudInit({ release: bad, environment: {} })).toThrow(/SHA-256/);
});
