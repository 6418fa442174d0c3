import { type Image, inspectPayload } from '../../core/catalogue/inspect.ts';
import { type InspectionResult, inspectionResult } from '../../core/result/inspection.ts';
import { defaultLimits } from '../../disk/limits.ts';
import { ReaderError } from '../reader/error.ts';
import type { Readers } from '../reader/readers.ts';
import { type Reading, readImages } from '../reader/run.ts';
import { OperationError, type OperationRunner } from './operation.ts';

/** Disk formats that the readers open. */
export const readableFormats = ['raw', 'qcow2'];

const GB = 1024 ** 3;

/** `guestkit.inspect`: reads the images in a child, and gives what is on them and in the guest. */
export function createInspect(
  readers: Readers,
  { maxDiskSizeGb }: { maxDiskSizeGb: number },
): OperationRunner {
  return async ({ document, signal, progress }) => {
    const { image, disks, options } = inspectPayload.parse(document.payload.data);
    const images = [image, ...disks];
    const admitted = Math.min(maxDiskSizeGb, document.constraints.maximum_disk_size_gb ?? maxDiskSizeGb);
    try {
      for (const { path } of images) requireLocal(path);
      const reading = await readImages(readers, {
        images: images.map(({ path, checksum, size_bytes }) => ({
          path,
          size: size_bytes ?? null,
          sha256: checksum?.replace(/^sha256:/, '').toLowerCase() ?? null,
        })),
        request: {
          images: images.map(({ format }) => ({ format: format ?? null })),
          options,
          limits: { ...defaultLimits, maxVirtualSize: admitted * GB },
        },
        timeMs: document.execution.timeout_seconds * 1000,
        signal,
        onProgress: ({ phase, percent, message }) => progress({ phase, percent, message }),
      });
      return resultOf(image, reading);
    } catch (error) {
      if (error instanceof ReaderError) throw new OperationError(error.toJobError(), { cause: error });
      throw error;
    }
  };
}

/** The child's facts with what only the worker knows; parsed, since the child may lie. */
function resultOf(image: Image, { inspection, statistics, images }: Reading): InspectionResult {
  const [stored] = images;
  const parsed = inspectionResult.safeParse({
    ...inspection,
    image: {
      ...record(inspection.image),
      path: image.path,
      size_bytes: stored?.size,
      ...(stored?.sha256 != null && { sha256: stored.sha256 }),
    },
    statistics: {
      ...record(inspection.statistics),
      bytes_read: statistics.bytesRead,
      reads: statistics.reads,
      peak_memory_bytes: statistics.peakMemory,
    },
  });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const message = `the reader's result is not one: ${issue?.path.join('.')}: ${issue?.message}`;
  throw new ReaderError('READER_CRASHED', 'inspecting', message.slice(0, 512));
}

function record(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {};
}

function requireLocal(path: string): void {
  if (path.startsWith('/')) return;
  const message = `images are read from files so far, not from ${path.split(':')[0]}:`;
  throw new ReaderError('IMAGE_UNSUPPORTED', 'validation', message, { feature: 'image source' });
}
