import { BlockCache } from './cache.ts';
import type { Source } from './device.ts';
import { endsInspection } from './ends-inspection.ts';
import { DiskError } from './error.ts';
import { filesystemReaders } from './filesystems/open.ts';
import { openImage } from './formats/image.ts';
import type { Inspection } from './guest/facts.ts';
import { gather } from './guest/gather.ts';
import { Warnings } from './guest/warnings.ts';
import type { InspectRequest, Progress, Report } from './inspection.ts';
import { name } from './name.ts';
import { readStorage } from './storage.ts';
import { damaged } from './volumes/content.ts';
import type { Storage } from './volumes/volume.ts';

/**
 * Inspects the disks of one machine: opens the images, finds the volumes on them, and reads the facts of the
 * guests. Damage that leaves something to read becomes a status and a warning of the result.
 * @throws DiskError where an image cannot be opened, its format is damaged, damage leaves no filesystem
 *   readable, the source fails or changes, or maxBytesRead is reached
 */
export function inspect(request: InspectRequest, sources: readonly Source[], report: Report): Inspection {
  const { limits, options } = request;
  const clock = new PhaseClock();
  const tell = (phase: Progress['phase'], percent: number, message: string) => {
    clock.enter(phase);
    report({ phase, percent, message });
  };

  tell('opening', 0, sources.length === 1 ? 'opening the image' : `opening ${sources.length} images`);
  const cache = new BlockCache(limits);
  const images = sources.map((source, index) =>
    openImage(cache.wrap(source), index, request.images[index]?.format ?? null, limits),
  );
  const [first] = images;
  if (first === undefined) throw new Error('an inspection has at least one image');

  tell('reading', 10, 'reading the storage layout');
  const storage = checked(readStorage(images, limits, filesystemReaders));

  const warnings = new Warnings();
  const found = gather(storage, options, limits, warnings, (message, done) =>
    tell('inspecting', Math.round(30 + 70 * done), message),
  );
  return {
    version: '1.0',
    image: { format: first.format, virtual_size_bytes: first.device.size },
    ...found,
    warnings: warnings.list(),
    statistics: { duration_ms: clock.end() },
  };
}

/**
 * The storage, with filesystems damaged whose root directory cannot be read: nothing in them can be reached.
 * @throws DiskError when damage leaves no filesystem readable
 */
function checked(storage: Storage): Storage {
  const notes = [...storage.notes];
  const volumes = storage.volumes.map((volume) => {
    try {
      const filesystem = volume.content.filesystem;
      for (const { ino } of filesystem?.roots ?? []) filesystem?.lookup(ino, name('etc'));
      return volume;
    } catch (error) {
      if (!(error instanceof DiskError) || endsInspection(error)) throw error;
      notes.push({ code: 'VOLUME_DAMAGED', message: error.message, where: volume.id });
      return { ...volume, content: damaged(error, { ...volume.content, filesystem: null }) };
    }
  });
  const bad = volumes.find(({ content }) => content.status === 'damaged');
  if (bad !== undefined && !volumes.some(({ content }) => content.status === 'read')) {
    const { type, reason, place } = bad.content;
    throw new DiskError({
      kind: 'damage',
      layer: type ?? 'storage',
      at: null,
      image: place,
      expected: 'a readable filesystem',
      found: `on ${bad.name}: ${reason ?? 'none'}`,
    });
  }
  return { ...storage, volumes, notes };
}

/** Milliseconds spent in each phase. */
class PhaseClock {
  readonly #spent = { opening: 0, reading: 0, inspecting: 0 };
  #phase: Progress['phase'] = 'opening';
  #since = performance.now();

  enter(phase: Progress['phase']): void {
    const now = performance.now();
    this.#spent[this.#phase] += now - this.#since;
    this.#phase = phase;
    this.#since = now;
  }

  end(): Inspection['statistics']['duration_ms'] {
    this.enter(this.#phase);
    const { opening, reading, inspecting } = this.#spent;
    const rounded = (ms: number) => Math.round(ms * 1000) / 1000;
    return { opening: rounded(opening), reading: rounded(reading), inspecting: rounded(inspecting) };
  }
}
