import { createFleet, type Fleet } from './fleet.ts';
import type { Platform } from './ports.ts';

/** What the rules of jobs leave to the operator. Times in milliseconds. */
export type CoreSettings = {
  /** Worker pools there are; `default` is always among them. */
  readonly pools: readonly string[];
  /** How long a lease lasts without a heartbeat. */
  readonly leaseMs: number;
  /** Workers that may vanish under one job before it fails. */
  readonly maxCrashes: number;
  /** Unfinished jobs admitted at once; beyond it a submit is refused with QUEUE_FULL. */
  readonly maxUnfinishedJobs: number;
  /** Life of a presigned URL, at most 900 seconds. */
  readonly presignSeconds: number;
};

export const defaultCoreSettings: CoreSettings = {
  pools: ['default'],
  leaseMs: 30_000,
  maxCrashes: 3,
  maxUnfinishedJobs: 1_000_000,
  presignSeconds: 900,
};

/** Where a use case reports what went wrong and was survived. */
export type Log = (event: {
  level: 'info' | 'warn' | 'error';
  message: string;
  [field: string]: unknown;
}) => void;

/** What every use case works with. Time comes from the store, ids and randomness from here. */
export type Context = Omit<Platform, 'close'> & {
  readonly settings: CoreSettings;
  /** A fresh id nobody can guess. */
  readonly newId: () => string;
  /** 0 up to 1. */
  readonly random: () => number;
  readonly log: Log;
  readonly fleet: Fleet;
};

/** Puts a platform, settings and effects together. */
export function createContext(
  platform: Platform,
  effects: { settings: CoreSettings; newId: () => string; random: () => number; log: Log },
): Context {
  const { jobs, events, queue, objects, workers } = platform;
  return { jobs, events, queue, objects, workers, ...effects, fleet: createFleet(workers, () => jobs.now()) };
}
