import { constants, inflateRawSync } from 'node:zlib';
import { damage } from '../../error.ts';
import { unzstd } from '../../zstd.ts';
import type { StoredFile } from '../stored.ts';
import type { Qcow2Header } from './header.ts';

/** Bytes of decompressed clusters kept, so that the blocks of one cluster are decompressed once. */
const CACHE_BYTES = 4 * 1024 ** 2;

/** Decompresses clusters, and keeps a few of the latest. */
export class CompressedClusters {
  readonly #file: StoredFile;
  readonly #header: Qcow2Header;
  /** By the offset of the compressed data, oldest use first. */
  readonly #clusters = new Map<number, Uint8Array>();

  constructor(file: StoredFile, header: Qcow2Header) {
    this.#file = file;
    this.#header = header;
  }

  /** The whole cluster whose data lies in at most `stored` bytes from `at` on (inside the file). */
  cluster(at: number, stored: number): Uint8Array {
    const cached = this.#clusters.get(at);
    this.#clusters.delete(at);
    const bytes = cached ?? this.#decompress(at, stored);
    this.#clusters.set(at, bytes);
    if (this.#clusters.size * this.#header.clusterSize > CACHE_BYTES) {
      for (const oldest of this.#clusters.keys()) {
        this.#clusters.delete(oldest);
        break;
      }
    }
    return bytes;
  }

  #decompress(at: number, stored: number): Uint8Array {
    const { clusterSize, compression } = this.#header;
    // The entry has room for a count of sectors up to twice the cluster, so this is bounded.
    const input = new Uint8Array(stored);
    this.#file.readInto(input, at);
    const bytes = compression === 'zstd' ? unzstd(input, clusterSize) : inflate(input, clusterSize);
    if (bytes === null) {
      const expected = `a ${compression} stream of ${clusterSize} bytes`;
      throw damage('qcow2', this.#file, at, expected, 'data that does not decompress to that');
    }
    return bytes;
  }
}

/** Raw deflate; padding after the stream is normal, and so is a stream without its end mark. */
function inflate(input: Uint8Array, length: number): Uint8Array | null {
  try {
    const bytes = inflateRawSync(input, {
      maxOutputLength: length,
      chunkSize: length,
      finishFlush: constants.Z_SYNC_FLUSH,
    });
    return bytes.length === length ? bytes : null;
  } catch {
    return null;
  }
}
