import { inspectionResult } from '../../core/result/inspection.ts';
import type { Range, Source } from '../../disk/device.ts';
import { DiskError } from '../../disk/error.ts';
import { inspect } from '../../disk/inspect.ts';
import type { Progress } from '../../disk/inspection.ts';
import { MAX_OUTPUT } from '../../worker/reader/outcome.ts';
import { request } from '../support/inspect-request.ts';
import type { MutatedImage } from './image.ts';

/** Most bytes one read may ask for: the cache never asks for more, whatever the image says. */
const LONGEST_READ = 1024 ** 2;
/** Reads of one inspection. Each is of 64 KiB or more but at the image's end; the images are small. */
const MAX_READS = 100_000;

/** The reader asked for what it must not. Thrown apart from DiskError, so that it cannot pass for one. */
export class Violation extends Error {}

/** An image in memory that holds its reader to the rules. What it refuses stays refused, caught or not. */
export class WatchedSource implements Source {
  readonly size: number;
  reads = 0;
  bytesRead = 0;
  violation: Violation | null = null;
  readonly #image: MutatedImage;

  constructor(image: MutatedImage) {
    this.#image = image;
    this.size = image.size;
  }

  readInto(to: Uint8Array, offset: number): void {
    this.#check('read', { offset, length: to.length });
    this.reads++;
    this.bytesRead += to.length;
    if (to.length > LONGEST_READ) this.#refuse(`a read of ${to.length} bytes`);
    if (this.reads > MAX_READS) this.#refuse(`more than ${MAX_READS} reads`);
    this.#image.readInto(to, offset);
  }

  prefetch(ranges: readonly Range[]): void {
    for (const range of ranges) this.#check('prefetch', range);
  }

  #check(what: string, { offset, length }: Range): void {
    const inside = Number.isSafeInteger(offset) && offset >= 0 && length > 0 && offset + length <= this.size;
    if (!inside) this.#refuse(`${what} of ${length} bytes at ${offset} of an image of ${this.size}`);
  }

  #refuse(what: string): never {
    this.violation ??= new Violation(what);
    throw this.violation;
  }
}

/** What one case came to. `finding` is what must not happen; null where all is well. */
export type Outcome = {
  /** `result …` or the DiskError's kind and layer. */
  readonly kind: string;
  readonly finding: string | null;
  readonly reads: number;
  readonly bytesRead: number;
  /** Of processor time: other load on the machine does not count. */
  readonly milliseconds: number;
};

/** Inspects an image the way a reader child does, and holds what comes out against what may. */
export function watch(image: MutatedImage, run: typeof inspect = inspect): Outcome {
  const source = new WatchedSource(image);
  const since = process.cpuUsage();
  let percent = 0;
  const report = (progress: Progress) => {
    if (!(progress.percent >= percent && progress.percent <= 100)) {
      source.violation ??= new Violation(`progress from ${percent} to ${progress.percent}`);
    }
    percent = progress.percent;
  };
  let kind: string;
  let finding: string | null;
  let milliseconds = 0;
  try {
    const found = run(request, [source], report);
    milliseconds = spent(since);
    kind = found.operating_system === null ? 'result without a system' : 'result with a system';
    finding = wrongResult(found, source);
  } catch (error) {
    kind = error instanceof DiskError ? `${error.kind} (${error.layer})` : 'exception';
    finding = wrongError(error, source);
  }
  if (source.violation !== null) finding = source.violation.message;
  if (milliseconds === 0) milliseconds = spent(since);
  const { reads, bytesRead } = source;
  return { kind, finding, reads, bytesRead, milliseconds };
}

function spent(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
}

/** The document as the worker makes it of the child's line, which has a bound of its own. */
function wrongResult(found: ReturnType<typeof inspect>, source: WatchedSource): string | null {
  const json = JSON.stringify(found);
  if (json.length > MAX_OUTPUT) return `a result of ${json.length} characters`;
  const inspection = JSON.parse(json);
  const parsed = inspectionResult.safeParse({
    ...inspection,
    image: { path: '/image', ...inspection.image, size_bytes: source.size },
    statistics: {
      ...inspection.statistics,
      bytes_read: source.bytesRead,
      reads: source.reads,
      peak_memory_bytes: 0,
    },
  });
  if (parsed.success) return null;
  const [issue] = parsed.error.issues;
  return `not a result: ${issue?.path.join('.')}: ${issue?.message}`;
}

function wrongError(error: unknown, source: WatchedSource): string | null {
  if (!(error instanceof DiskError))
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  // The source never fails and never changes, so nobody may say that it did.
  if (error.kind === 'io' || error.kind === 'changed') return `${error.kind}: ${error.message}`;
  if (error.at !== null && !(Number.isSafeInteger(error.at) && error.at >= 0)) return `damage at ${error.at}`;
  if (error.image !== null) {
    const { source: index, offset } = error.image;
    if (index !== 0 || !Number.isSafeInteger(offset) || offset < 0) return `damage at image byte ${offset}`;
    if (offset > source.size) return `damage at image byte ${offset} of ${source.size}`;
  }
  return null;
}
