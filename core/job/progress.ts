import type { JobProgress } from './record.ts';
import { cut } from './text.ts';

const PHASE_BYTES = 64;
const MESSAGE_BYTES = 512;

/** Progress as a record keeps it: `percent` within 0 to 100, its texts cut, since every heartbeat carries it. */
export function boundedProgress({ percent, phase, message }: JobProgress): JobProgress {
  return {
    percent: Number.isNaN(percent) ? 0 : Math.min(100, Math.max(0, percent)),
    phase: cut(phase, PHASE_BYTES),
    message: cut(message, MESSAGE_BYTES),
  };
}
