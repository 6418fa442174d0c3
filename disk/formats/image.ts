import type { Source } from '../device.ts';
import { DiskError, damage, limit, unsupported } from '../error.ts';
import type { Limits } from '../limits.ts';
import { type Detected, detect } from './detect.ts';
import type { FormatName, OpenedImage } from './format.ts';
import { openQcow2 } from './qcow2/qcow2.ts';
import { RawDevice } from './raw.ts';
import { StoredFile } from './stored.ts';

/** The content is not in the format that was stated. Kind `damage`; told apart by this class or its name. */
export class FormatMismatch extends DiskError {
  /** The format that was asked for. */
  readonly stated: FormatName;
  /** The format of the content; `raw` where it has no signature. */
  readonly actual: FormatName;

  constructor(stated: FormatName, actual: FormatName, file: StoredFile, at: number) {
    super({
      kind: 'damage',
      layer: 'image',
      at,
      image: file.place(at),
      expected: `a ${stated} image`,
      found: actual === 'raw' ? 'content without a known signature' : `a ${actual} image`,
    });
    this.name = 'FormatMismatch';
    this.stated = stated;
    this.actual = actual;
  }
}

/**
 * Opens a disk image. Without a stated format the content decides, and what has no signature is raw; that
 * is safe here, where no format can name another file. With one, content of another format is a
 * {@link FormatMismatch}, also for `raw`: nearly always a mistake, and the other reading would be of use to
 * nobody. (A guest can write a qcow2 header into its raw disk; it then only makes its own inspection fail.)
 * One exception: a fixed VHD said to be raw is read as raw, since its disk is just that.
 *
 * `sourceIndex` is the number that places in this file are reported with. Throws DiskErrors: `damage`,
 * `unsupported` for formats and features that are known and not read, `limit` maxVirtualSize, `io`.
 */
export function openImage(
  source: Source,
  sourceIndex: number,
  format: FormatName | null,
  limits: Limits,
): OpenedImage {
  const file = new StoredFile(source, sourceIndex);
  if (file.size === 0) throw damage('image', file, 0, 'a disk image', 'an empty file');
  const found = detect(file);
  if (format !== null) checkStated(format, found, file);
  switch (format ?? found?.format ?? 'raw') {
    case 'raw':
      return openRaw(file, limits);
    case 'qcow2':
      return openQcow2(file, limits);
    default:
      throw unsupported('image', file, found?.at ?? 0, `${found?.format} images`, 'raw and qcow2 are read');
  }
}

function checkStated(stated: FormatName, found: Detected | null, file: StoredFile): void {
  const actual = found?.format ?? 'raw';
  if (stated === actual || (stated === 'raw' && found?.weak)) return;
  throw new FormatMismatch(stated, actual, file, found?.at ?? 0);
}

function openRaw(file: StoredFile, limits: Limits): OpenedImage {
  const device = new RawDevice(file);
  if (device.size > limits.maxVirtualSize) {
    const found = `a disk of ${device.size} bytes, more than ${limits.maxVirtualSize}`;
    throw limit('raw', 'maxVirtualSize', found);
  }
  return { format: 'raw', device, notes: [] };
}
