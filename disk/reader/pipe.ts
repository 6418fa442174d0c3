import { readSync, writeSync } from 'node:fs';

/** Fills `to` from a blocking pipe. False: the other side closed it first. */
export function fill(pipe: number, to: Uint8Array): boolean {
  for (let at = 0; at < to.length; ) {
    const n = readSync(pipe, to, at, to.length - at, null);
    if (n === 0) return false;
    at += n;
  }
  return true;
}

/** Writes all of `bytes` to a blocking pipe. Throws EPIPE where the other side has gone. */
export function writeAll(pipe: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(pipe, bytes, at, bytes.length - at);
}
