import { be32 } from '../../bytes.ts';

/** Types this reader looks at; docs/interop/qcow2.txt, "Header extensions". */
const types = new Map<number, HeaderExtension['type']>([
  [0x6803f857, 'feature names'],
  [0x44415441, 'data file name'],
] as const);

export type HeaderExtension = {
  readonly type: 'feature names' | 'data file name';
  readonly data: Uint8Array;
};

/** Length of one entry of the feature name table: kind, bit and 46 bytes of name. */
const FEATURE_ENTRY = 48;

/**
 * The extensions after the header, as far as `head`, the start of the first cluster, holds them. They only
 * serve messages here, so one that runs over the end ends the list quietly.
 */
export function headerExtensions(head: Uint8Array, headerLength: number): HeaderExtension[] {
  const found: HeaderExtension[] = [];
  let at = headerLength;
  while (at + 8 <= head.length) {
    const type = types.get(be32(head, at));
    const length = be32(head, at + 4);
    if (be32(head, at) === 0 || at + 8 + length > head.length) break;
    if (type !== undefined) found.push({ type, data: head.subarray(at + 8, at + 8 + length) });
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return found;
}

/** The name the image itself gives to an incompatible feature bit; printable ASCII only, or null. */
export function featureName(extensions: readonly HeaderExtension[], bit: number): string | null {
  for (const { type, data } of extensions) {
    if (type !== 'feature names') continue;
    for (let at = 0; at + FEATURE_ENTRY <= data.length; at += FEATURE_ENTRY) {
      if (data[at] !== 0 || data[at + 1] !== bit) continue;
      const text = Buffer.from(data.subarray(at + 2, at + FEATURE_ENTRY)).toString('latin1');
      const name = (text.split('\0')[0] ?? '').replace(/[^\x20-\x7e]/g, '?').trim();
      return name === '' ? null : name;
    }
  }
  return null;
}
