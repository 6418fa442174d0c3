import type { DiskError } from './error.ts';
import { formatNames } from './formats/format.ts';
import { RANGE_LAYER } from './range.ts';

const formats: ReadonlySet<string> = new Set(formatNames);

/**
 * Whether an error concerns the whole run: the source failed or changed, the bytes that a job may read are
 * used up, or the image format itself (not the guest's files in it) is damaged. Every other error belongs to
 * the volume or file it was met in.
 */
export function endsInspection(error: DiskError): boolean {
  if (error.kind === 'changed') return true;
  // Bytes of the guest may lead outside their device; that is no failing source.
  if (error.kind === 'io') return error.layer !== RANGE_LAYER;
  if (error.kind === 'limit') return error.expected === 'maxBytesRead';
  return formats.has(error.layer);
}
