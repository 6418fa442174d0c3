import { endsInspection } from '../ends-inspection.ts';
import { DiskError } from '../error.ts';
import type { OpenFilesystem } from '../filesystems/open.ts';
import type { Limits } from '../limits.ts';
import { textOf } from '../name.ts';
import { probe } from './probe.ts';
import type { Volume, VolumeContent } from './volume.ts';

const nothing: VolumeContent = {
  status: 'skipped',
  reason: null,
  place: null,
  type: null,
  uuid: null,
  label: null,
  filesystem: null,
};

/** The content of a volume that is known to be damaged. */
export function damaged(error: DiskError, known: VolumeContent = nothing): VolumeContent {
  return { ...known, status: 'damaged', reason: error.message, place: error.image };
}

/** A reason why nothing was looked for. */
export function skipped(reason: string): VolumeContent {
  return { ...nothing, reason };
}

/**
 * Looks at a volume's bytes and opens the filesystem in it. What is wrong with the volume becomes its
 * status; thrown is only what ends the inspection.
 */
export function readContent(
  volume: Volume,
  limits: Limits,
  readers: ReadonlyMap<string, OpenFilesystem>,
): VolumeContent {
  let known = nothing;
  try {
    const found = probe(volume.device);
    if (found === null) return skipped('no known content');
    const { type, uuid, label } = found;
    known = { ...nothing, status: 'recognised', reason: `${type} is not read`, type, uuid, label };
    const open = readers.get(type);
    if (open === undefined) return known;
    const filesystem = open(volume.device, limits);
    const { facts } = filesystem;
    return {
      ...known,
      status: 'read',
      reason: null,
      type: filesystem.type,
      uuid: facts.uuid,
      label: facts.label === null ? null : textOf(facts.label),
      filesystem,
    };
  } catch (error) {
    if (!(error instanceof DiskError) || endsInspection(error)) throw error;
    if (error.kind === 'damage' || error.kind === 'io') return damaged(error, known);
    return { ...known, status: 'recognised', reason: error.message, place: error.image };
  }
}
