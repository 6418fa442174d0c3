import type { Source } from '../device.ts';
import { DiskError, limit } from '../error.ts';
import type { InspectRequest, Progress, Report } from '../inspection.ts';
import { fill, writeAll } from './pipe.ts';
import { BrokerGone, Channel, PipeSource } from './pipe-source.ts';
import { descriptors, maxResultLength, maxStartLength, type Start, startHeaderBytes } from './protocol.ts';

/** What a child runs: `inspect` of disk/inspect.ts. The result must be plain JSON. */
export type Inspect = (request: InspectRequest, sources: readonly Source[], report: Report) => unknown;

/** Longest text taken over from an error, in characters: what an image says must not swell the outcome. */
const MAX_TEXT = 1000;

/**
 * One child's life: waits for its start (and warms up meanwhile when told to), inspects, writes progress and one outcome line, and waits to be ended. The
 * outcome is `result` with the inspection; `disk_error` with a DiskError's fields; or `internal_error`, a
 * mistake of ours. Both errors say the phase that was reported last. A child whose broker goes away before
 * that writes nothing more.
 */
export function serve(inspect: Inspect, warmUp: () => void = () => {}): void {
  const start = receiveStart(warmUp);
  if (start === null) return;
  const channel = new Channel(descriptors);
  const sources = start.sizes.map((size, index) => new PipeSource(channel, index, size));
  let phase: Progress['phase'] = 'opening';
  let outcome: string;
  try {
    const inspection = inspect(start.request, sources, (progress) => {
      phase = progress.phase;
      writeLine(JSON.stringify({ kind: 'progress', ...progress, message: clip(progress.message) }));
    });
    outcome = JSON.stringify({ kind: 'result', inspection });
    const length = Buffer.byteLength(outcome);
    if (length > maxResultLength) throw limit('reader', 'maxResultLength', `a result of ${length} bytes`);
  } catch (error) {
    if (error instanceof BrokerGone) return;
    outcome = JSON.stringify(error instanceof DiskError ? diskError(error, phase) : internal(error, phase));
  }
  writeLine(outcome);
  // The parent looks at what we used and ends us; or it has gone, and its pipe with it.
  fill(descriptors.replies, Buffer.alloc(1));
}

/** Null: the parent closed the pipe, this spare is not wanted. Its content is the parent's, so it is trusted. */
function receiveStart(warmUp: () => void): Start | null {
  const head = Buffer.alloc(startHeaderBytes);
  if (!fill(descriptors.replies, head)) return null;
  const length = head.readUInt32LE(0);
  if (length === 0) {
    warmUp();
    return receiveStart(warmUp);
  }
  if (length > maxStartLength) return null;
  const json = Buffer.alloc(length);
  return fill(descriptors.replies, json) ? JSON.parse(json.toString('utf8')) : null;
}

function writeLine(json: string): void {
  writeAll(descriptors.outcome, Buffer.from(`${json}\n`, 'utf8'));
}

function diskError(error: DiskError, phase: Progress['phase']) {
  const { name, kind, layer, at, image, message } = error;
  const said = { message: clip(message), expected: clip(error.expected), found: clip(error.found) };
  return { kind: 'disk_error', phase, error: { name, kind, layer, at, image, ...said } };
}

function internal(error: unknown, phase: Progress['phase']) {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { kind: 'internal_error', phase, message: clip(text) };
}

function clip(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}
