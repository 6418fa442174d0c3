import { look } from './ext-places.ts';
import { texts } from './guest.ts';
import type { Seed } from './place.ts';
import type { Filesystem } from './recipes.ts';

/** File in a seed that gives its blocks to other files' new content. */
export const roomPath = '/room';

/** The text files of a filesystem that has a room for new content; null for one that has none. */
export async function textsOf({ file, at }: Filesystem, disk: Uint8Array): Promise<Seed['texts']> {
  const found = await look(file, [roomPath, ...texts.map((path) => `/${path}`)]);
  const room = found.find(({ path }) => path === roomPath);
  const block = room?.blocks[0];
  if (room === undefined || block === undefined) return null;
  // One run of blocks, so that one extent names any part of it.
  const length = room.blocks.findIndex((other, index) => other !== block + index);
  const blocks = length < 0 ? room.blocks.length : length;
  const blockSize = 1024 << (Buffer.from(disk.subarray(at + 1048, at + 1052)).readUInt32LE(0) & 7);
  return {
    files: found.flatMap(({ path, at: inodeAt }) =>
      path === roomPath ? [] : [{ path, inodeAt: at + inodeAt }],
    ),
    room: { at: at + block * blockSize, length: blocks * blockSize, block },
    blockSize,
  };
}
