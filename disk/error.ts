/**
 * Where a byte of a device lies in the stored images: `source` counts the opened files (0 is the image
 * itself), `offset` is in bytes. Null where no single stored byte answers (compressed data, zeroes, parity).
 */
export type Place = { readonly source: number; readonly offset: number } | null;

/**
 * What went wrong:
 * `damage` the bytes contradict the format; `io` the source could not be read; `limit` a named bound was
 * reached; `unsupported` a feature we do not read, by name; `changed` the image changed while it was read.
 */
export type DiskErrorKind = 'damage' | 'io' | 'limit' | 'unsupported' | 'changed';

export type DiskErrorFields = {
  kind: DiskErrorKind;
  /** The reader that noticed: `qcow2`, `gpt`, `ext4`, `dpkg`, … */
  layer: string;
  /** Byte offset within the layer's own device, or null where there is none. */
  at: number | null;
  /** The same byte in the stored image. */
  image: Place;
  /** What the format asks for here; for `unsupported` and `limit` the name of the feature or limit. */
  expected: string;
  /** What was there instead. */
  found: string;
  cause?: unknown;
};

/** Every refusal of the disk readers: says which layer, where, what was expected and what was found. */
export class DiskError extends Error {
  readonly kind: DiskErrorKind;
  readonly layer: string;
  readonly at: number | null;
  readonly image: Place;
  readonly expected: string;
  readonly found: string;

  constructor(fields: DiskErrorFields) {
    super(describe(fields), fields.cause === undefined ? undefined : { cause: fields.cause });
    this.name = 'DiskError';
    this.kind = fields.kind;
    this.layer = fields.layer;
    this.at = fields.at;
    this.image = fields.image;
    this.expected = fields.expected;
    this.found = fields.found;
  }
}

function describe({ kind, layer, at, image, expected, found }: DiskErrorFields): string {
  const where =
    image !== null ? ` at image byte ${image.offset}` : at !== null ? ` at byte ${at} of its device` : '';
  switch (kind) {
    case 'damage':
      return `${layer}: damaged${where}: expected ${expected}, found ${found}`;
    case 'unsupported':
      return `${layer}: unsupported${where}: ${expected} (${found})`;
    case 'limit':
      return `${layer}: limit ${expected} reached${where}: ${found}`;
    case 'io':
      return `${layer}: cannot read${where}: expected ${expected}, found ${found}`;
    case 'changed':
      return `${layer}: changed while it was read${where}: expected ${expected}, found ${found}`;
  }
}

type Placed = { place(offset: number): Place };

/** The bytes at `at` of `device` contradict the format. */
export function damage(
  layer: string,
  device: Placed,
  at: number,
  expected: string,
  found: string,
): DiskError {
  return new DiskError({ kind: 'damage', layer, at, image: safePlace(device, at), expected, found });
}

/** A feature, by name, that this reader does not read; `at` is the byte that asks for it. */
export function unsupported(
  layer: string,
  device: Placed,
  at: number,
  feature: string,
  found: string,
): DiskError {
  return new DiskError({
    kind: 'unsupported',
    layer,
    at,
    image: safePlace(device, at),
    expected: feature,
    found,
  });
}

/** A bound, by the name of its field in Limits. */
export function limit(layer: string, name: string, found: string): DiskError {
  return new DiskError({ kind: 'limit', layer, at: null, image: null, expected: name, found });
}

/** Saying where damage lies must never fail for the same damage. */
function safePlace(device: Placed, at: number): Place {
  try {
    return device.place(at);
  } catch {
    return null;
  }
}
