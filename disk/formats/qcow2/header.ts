import { be32, be64 } from '../../bytes.ts';
import { read } from '../../device.ts';
import { damage, limit, unsupported } from '../../error.ts';
import type { Limits } from '../../limits.ts';
import type { StoredFile } from '../stored.ts';
import { featureName, type HeaderExtension, headerExtensions } from './extensions.ts';

/** Sources: docs/interop/qcow2.txt of qemu, "Header"; the limits are qemu's own. */
const LAYER = 'qcow2';
const V2_LENGTH = 72;
const V3_LENGTH = 104;
const MAX_L1_BYTES = 32 * 1024 ** 2;
/** Header and extensions lie in the first cluster; real ones need a few hundred bytes of it. */
const MAX_HEADER_BYTES = 64 * 1024;

/** Incompatible feature bits, as bit numbers. */
const DIRTY = 0;
const CORRUPT = 1;
const DATA_FILE = 2;
const COMPRESSION = 3;
const EXTENDED_L2 = 4;

export type Qcow2Header = {
  readonly version: 2 | 3;
  /** Virtual disk size in bytes. */
  readonly size: number;
  /** Bytes; 512 to 2 MiB. */
  readonly clusterSize: number;
  readonly clusterBits: number;
  /** Entries of the L1 table that the virtual size needs; the stored table may be longer. */
  readonly l1Entries: number;
  readonly l1Offset: number;
  readonly compression: 'zlib' | 'zstd';
  /** L2 entries of 16 bytes that describe 32 subclusters each. */
  readonly extendedL2: boolean;
  readonly dirty: boolean;
  readonly corrupt: boolean;
  readonly refcountTable: { readonly offset: number; readonly clusters: number };
  /** Bits of one refcount; 1 to 64. */
  readonly refcountBits: number;
  readonly snapshots: { readonly count: number; readonly offset: number };
};

/** Reads the header and refuses what these readers do not read, each feature by name. */
export function readHeader(file: StoredFile, limits: Limits): Qcow2Header {
  if (file.size < V2_LENGTH) {
    throw damage(LAYER, file, file.size, `a header of ${V2_LENGTH} bytes`, `a file of ${file.size} bytes`);
  }
  const fixed = read(file, 0, Math.min(V3_LENGTH + 8, file.size));
  const version = be32(fixed, 4);
  if (version !== 2 && version !== 3) throw unsupported(LAYER, file, 4, 'version', `version ${version}`);

  const clusterBits = be32(fixed, 20);
  if (clusterBits < 9 || clusterBits > 21) {
    throw damage(LAYER, file, 20, 'cluster_bits from 9 to 21', String(clusterBits));
  }
  const clusterSize = 2 ** clusterBits;
  const headerLength = version === 2 ? V2_LENGTH : readHeaderLength(file, fixed, clusterSize);
  const head = read(file, 0, Math.min(clusterSize, MAX_HEADER_BYTES, file.size));
  const extensions = headerExtensions(head, headerLength);

  const bits = version === 2 ? new Set<number>() : incompatibleBits(file, fixed, extensions);
  refuseOtherFiles(file, fixed, bits, extensions);
  refuseEncryption(file, fixed);
  const compression = readCompression(file, fixed, bits, headerLength);
  const refcountOrder = version === 2 ? 4 : be32(fixed, 96);
  if (refcountOrder > 6) throw damage(LAYER, file, 96, 'refcount_order up to 6', String(refcountOrder));
  const extendedL2 = bits.has(EXTENDED_L2);
  if (extendedL2 && clusterBits < 14) {
    throw damage(LAYER, file, 20, 'cluster_bits from 14 with extended L2 entries', String(clusterBits));
  }
  const size = be64(fixed, 24);
  if (!Number.isSafeInteger(size)) throw damage(LAYER, file, 24, 'a size below 2^53', `${size}`);
  if (size > limits.maxVirtualSize) {
    const found = `a virtual disk of ${size} bytes, more than ${limits.maxVirtualSize}`;
    throw limit(LAYER, 'maxVirtualSize', found);
  }

  return {
    version,
    size,
    clusterSize,
    clusterBits,
    ...readL1Place(file, fixed, size, clusterSize, extendedL2 ? 16 : 8),
    compression,
    extendedL2,
    dirty: bits.has(DIRTY),
    corrupt: bits.has(CORRUPT),
    refcountTable: { offset: be64(fixed, 48), clusters: be32(fixed, 56) },
    refcountBits: 2 ** refcountOrder,
    snapshots: { count: be32(fixed, 60), offset: be64(fixed, 64) },
  };
}

function readHeaderLength(file: StoredFile, fixed: Uint8Array, clusterSize: number): number {
  if (fixed.length < V3_LENGTH) {
    throw damage(LAYER, file, file.size, `a header of ${V3_LENGTH} bytes`, `a file of ${file.size} bytes`);
  }
  const length = be32(fixed, 100);
  if (length < V3_LENGTH || length > clusterSize || length % 8 !== 0) {
    throw damage(LAYER, file, 100, `header_length from 104 to ${clusterSize}, by 8`, String(length));
  }
  return length;
}

/** The set bits, all of which this reader knows. */
function incompatibleBits(
  file: StoredFile,
  fixed: Uint8Array,
  extensions: readonly HeaderExtension[],
): Set<number> {
  const bits = new Set<number>();
  for (let bit = 0; bit < 64; bit++) {
    const word = be32(fixed, bit < 32 ? 76 : 72);
    if (((word >>> (bit % 32)) & 1) === 1) bits.add(bit);
  }
  for (const bit of bits) {
    if (bit <= EXTENDED_L2) continue;
    const named = featureName(extensions, bit);
    throw unsupported(LAYER, file, 72, named ?? `incompatible feature bit ${bit}`, `bit ${bit} is set`);
  }
  return bits;
}

/** No other file is ever read: not the backing file, not an external data file. */
function refuseOtherFiles(
  file: StoredFile,
  fixed: Uint8Array,
  bits: ReadonlySet<number>,
  extensions: readonly HeaderExtension[],
): void {
  if (bits.has(DATA_FILE)) {
    const name = extensions.find(({ type }) => type === 'data file name');
    throw unsupported(LAYER, file, 72, 'external data file', quoted(name?.data ?? new Uint8Array(0)));
  }
  const at = be64(fixed, 8);
  if (at === 0) return;
  const length = Math.min(be32(fixed, 16), 1023);
  const inside = at + length <= file.size;
  throw unsupported(
    LAYER,
    file,
    8,
    'backing file',
    quoted(inside ? read(file, at, length) : new Uint8Array(0)),
  );
}

function refuseEncryption(file: StoredFile, fixed: Uint8Array): void {
  const method = be32(fixed, 32);
  if (method === 0) return;
  const name = method === 1 ? 'AES' : method === 2 ? 'LUKS' : `method ${method}`;
  throw unsupported(LAYER, file, 32, 'encryption', name);
}

function readCompression(
  file: StoredFile,
  fixed: Uint8Array,
  bits: ReadonlySet<number>,
  headerLength: number,
): 'zlib' | 'zstd' {
  const type = headerLength > V3_LENGTH && fixed.length > V3_LENGTH ? (fixed[V3_LENGTH] ?? 0) : 0;
  if (bits.has(COMPRESSION) !== (type !== 0)) {
    const expected = 'compression_type other than 0 exactly when its feature bit is set';
    throw damage(LAYER, file, V3_LENGTH, expected, String(type));
  }
  if (type > 1) throw unsupported(LAYER, file, V3_LENGTH, 'compression type', `type ${type}`);
  return type === 1 ? 'zstd' : 'zlib';
}

function readL1Place(
  file: StoredFile,
  fixed: Uint8Array,
  size: number,
  clusterSize: number,
  l2EntrySize: number,
): { l1Entries: number; l1Offset: number } {
  const l1Entries = Math.ceil(size / (clusterSize * (clusterSize / l2EntrySize)));
  const stored = be32(fixed, 36);
  if (stored * 8 > MAX_L1_BYTES) {
    throw damage(LAYER, file, 36, `an L1 table of at most ${MAX_L1_BYTES} bytes`, `${stored} entries`);
  }
  if (stored < l1Entries) {
    throw damage(LAYER, file, 36, `${l1Entries} L1 entries for ${size} bytes`, `${stored} entries`);
  }
  const l1Offset = be64(fixed, 40);
  if (l1Entries === 0) return { l1Entries, l1Offset: 0 };
  if (l1Offset % clusterSize !== 0 || l1Offset === 0 || !Number.isSafeInteger(l1Offset)) {
    throw damage(LAYER, file, 40, 'a cluster-aligned L1 table offset behind the header', String(l1Offset));
  }
  if (l1Offset + l1Entries * 8 > file.size) {
    const expected = `an L1 table of ${l1Entries * 8} bytes inside the file of ${file.size} bytes`;
    throw damage(LAYER, file, 40, expected, `offset ${l1Offset}`);
  }
  return { l1Entries, l1Offset };
}

/** A name from the image, safe in a message: printable ASCII in quotes, the rest escaped. */
function quoted(bytes: Uint8Array): string {
  return JSON.stringify(Buffer.from(bytes).toString('utf8')).replace(
    /[^\x20-\x7e]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}
