import { constants, zstdDecompressSync } from 'node:zlib';
import { le32 } from './bytes.ts';

/** Largest window accepted, as a power of two: 8 MiB, what every decoder must support (RFC 8878, 3.1.1.1.2). */
const WINDOW_LOG_MAX = 23;

const MAGIC = 0xfd2fb528;
const BLOCK_RLE = 1;
const BLOCK_RESERVED = 3;

/**
 * Exact length of the zstd frame that `bytes` begin with, by walking its blocks (RFC 8878, 3.1.1); null
 * when they do not hold a whole frame. Needed because zstdDecompressSync refuses padding after a frame.
 */
export function zstdFrameLength(bytes: Uint8Array): number | null {
  if (bytes.length < 5 || le32(bytes, 0) !== MAGIC) return null;
  const descriptor = bytes[4] ?? 0;
  const singleSegment = (descriptor & 0x20) !== 0;
  const dictionaryId = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const contentSize = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  const checksum = (descriptor & 4) !== 0 ? 4 : 0;
  let at = 5 + (singleSegment ? 0 : 1) + dictionaryId + contentSize;
  for (;;) {
    if (at + 3 > bytes.length) return null;
    const header = le24(bytes, at);
    const type = (header >> 1) & 3;
    if (type === BLOCK_RESERVED) return null;
    at += 3 + (type === BLOCK_RLE ? 1 : header >> 3);
    if ((header & 1) !== 0) return at + checksum <= bytes.length ? at + checksum : null;
  }
}

/**
 * Decompresses frames from the start of `bytes` until `length` bytes are there; what follows is padding.
 * Null when the bytes do not decompress to exactly that.
 */
export function unzstd(bytes: Uint8Array, length: number): Uint8Array | null {
  const to = new Uint8Array(length);
  let done = 0;
  let rest = bytes;
  while (done < length) {
    const frame = zstdFrameLength(rest);
    const part = frame === null ? null : frameContent(rest.subarray(0, frame), length - done);
    if (frame === null || part === null) return null;
    to.set(part, done);
    done += part.length;
    rest = rest.subarray(frame);
  }
  return to;
}

function frameContent(frame: Uint8Array, atMost: number): Uint8Array | null {
  try {
    return zstdDecompressSync(frame, {
      maxOutputLength: atMost,
      chunkSize: Math.max(atMost, constants.Z_MIN_CHUNK),
      params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX },
    });
  } catch {
    return null;
  }
}

function le24(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16);
}
