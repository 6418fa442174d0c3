import { run } from '../../support/run.ts';
import type { Place } from './place.ts';

type Mapped = { start: number; length: number; data: boolean; offset?: number };

/** The tables of a qcow2 image, and what of the disk's own places is stored plainly in it. */
export async function qcow2Places(file: string, image: Buffer, disk: readonly Place[]): Promise<Place[]> {
  const cluster = 1 << image.readUInt32BE(20);
  const entries = image.readUInt32BE(36);
  const l1 = Number(image.readBigUInt64BE(40));
  const places: Place[] = [
    { kind: 'qcow2 header', at: 0, length: 112, unit: 4, guard: null },
    { kind: 'qcow2 extensions', at: 104, length: 400, unit: 4, guard: null },
    { kind: 'qcow2 l1', at: l1, length: entries * 8, unit: 8, guard: null },
  ];
  for (let index = 0; index < entries; index++) {
    const at = Number(image.readBigUInt64BE(l1 + index * 8) & 0x00ff_ffff_ffff_fe00n);
    if (at === 0) continue;
    // Entries in use are few and at the table's start, or spread: take its first part by itself.
    places.push({ kind: 'qcow2 l2', at, length: Math.min(cluster, 1024), unit: 8, guard: null });
    places.push({ kind: 'qcow2 l2', at, length: cluster, unit: 8, guard: null });
  }
  const snapshots = Number(image.readBigUInt64BE(64));
  if (snapshots > 0)
    places.push({ kind: 'qcow2 snapshots', at: snapshots, length: 128, unit: 4, guard: null });
  const map: Mapped[] = JSON.parse((await run('qemu-img', ['map', '--output=json', file])).toString());
  for (const place of disk) {
    const run = map.find(
      ({ start, length }) => place.at >= start && place.at + place.length <= start + length,
    );
    if (run?.offset === undefined) continue;
    // Checksums are put right by offsets of the disk, which these no longer are.
    places.push({ ...place, at: run.offset + place.at - run.start, guard: null });
  }
  for (const { data, length, offset } of map) {
    if (data && offset === undefined) continue;
    if (data)
      places.push({
        kind: 'qcow2 data',
        at: offset ?? 0,
        length: Math.min(length, cluster),
        unit: 4,
        guard: null,
      });
  }
  const compressed = compressedClusters(image, cluster, l1, entries);
  for (const at of compressed)
    places.push({ kind: 'qcow2 compressed', at, length: 512, unit: 1, guard: null });
  return places.filter(({ at, length }) => at + length <= image.length);
}

function compressedClusters(image: Buffer, cluster: number, l1: number, entries: number): number[] {
  const found: number[] = [];
  const bits = BigInt(70 - Math.log2(cluster));
  for (let index = 0; index < entries; index++) {
    const table = Number(image.readBigUInt64BE(l1 + index * 8) & 0x00ff_ffff_ffff_fe00n);
    for (let at = table; table > 0 && at + 8 <= Math.min(table + cluster, image.length); at += 8) {
      const entry = image.readBigUInt64BE(at);
      if (entry >> 62n === 1n && found.length < 64) found.push(Number(entry & ((1n << bits) - 1n)));
    }
  }
  return found;
}
