import { uuid } from '../../bytes.ts';
import type { BlockDevice } from '../../device.ts';

/** Reads small pieces of a device for recognition; what lies outside is null, never an error. */
export class Look {
  readonly size: number;
  readonly #device: BlockDevice;

  constructor(device: BlockDevice) {
    this.#device = device;
    this.size = device.size;
  }

  bytes(at: number, length: number): Buffer | null {
    if (at < 0 || at + length > this.size) return null;
    const to = Buffer.alloc(length);
    this.#device.readInto(to, at);
    return to;
  }

  /** Whether these bytes (one character each, U+0000 to U+00FF) stand there. */
  has(at: number, magic: string): boolean {
    return this.bytes(at, magic.length)?.toString('latin1') === magic;
  }

  /** Text up to the first NUL, without the spaces around it; null when nothing is left. */
  text(at: number, length: number, encoding: 'utf8' | 'utf16le' = 'utf8'): string | null {
    const text = this.bytes(at, length)?.toString(encoding).toWellFormed().split('\0')[0]?.trim();
    return text === undefined || text === '' ? null : text;
  }

  /** A UUID in the order of its text; null when it is all zeroes. */
  uuid(at: number): string | null {
    const bytes = this.bytes(at, 16);
    return bytes === null || bytes.every((byte) => byte === 0) ? null : uuid(bytes, 0);
  }
}

/** What a volume is, named as blkid names it; `at` is where its superblock lies, in bytes. */
export type Recognised = {
  readonly type: string;
  readonly uuid: string | null;
  readonly label: string | null;
  readonly at: number;
};

export type Prober = (look: Look) => Recognised | null;

/** A prober for formats that one fixed string gives away. */
export function signature(
  type: string,
  at: number,
  magic: string,
  about: { uuid?: (look: Look) => string | null; label?: (look: Look) => string | null } = {},
): Prober {
  return (look) =>
    look.has(at, magic)
      ? { type, at, uuid: about.uuid?.(look) ?? null, label: about.label?.(look) ?? null }
      : null;
}

/** A DOS volume serial number as it is written, `1A2B-3C4D`. */
export function serial(value: number): string {
  const hex = value.toString(16).toUpperCase().padStart(8, '0');
  return `${hex.slice(0, 4)}-${hex.slice(4)}`;
}
