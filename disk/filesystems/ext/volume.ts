import { type BlockDevice, read } from '../../device.ts';
import { type DiskError, damage, unsupported } from '../../error.ts';
import type { Limits } from '../../limits.ts';
import { layer, type Superblock } from './superblock.ts';

/** An ext filesystem's blocks: every block number goes through its checks before it becomes an offset. */
export class ExtVolume {
  readonly device: BlockDevice;
  readonly superblock: Superblock;
  readonly limits: Limits;

  constructor(device: BlockDevice, superblock: Superblock, limits: Limits) {
    this.device = device;
    this.superblock = superblock;
    this.limits = limits;
  }

  /** Whether all `count` blocks from `first` on can hold a file's data or metadata. */
  holds(first: number, count: number): boolean {
    const { firstDataBlock, blocks } = this.superblock;
    return first >= firstDataBlock && first > 0 && first + count <= blocks;
  }

  /** Fills `to` from a byte of the filesystem on. What a cut-off device no longer has is damage there. */
  readInto(to: Uint8Array, at: number): void {
    if (at + to.length > this.device.size) {
      throw this.damage(at, `${to.length} bytes`, `the end of the device at ${this.device.size}`);
    }
    this.device.readInto(to, at);
  }

  /** One block, fresh; `from` is the byte that names it, which is damaged when no such block exists. */
  block(number: number, from: number): Uint8Array {
    const { blockSize, blocks } = this.superblock;
    if (!this.holds(number, 1)) {
      throw this.damage(from, `a block of the filesystem's ${blocks}`, `block ${number}`);
    }
    const at = number * blockSize;
    if (at + blockSize > this.device.size) {
      throw this.damage(at, `a block of ${blockSize} bytes`, `the end of the device at ${this.device.size}`);
    }
    return read(this.device, at, blockSize);
  }

  damage(at: number, expected: string, found: string): DiskError {
    return damage(layer, this.device, at, expected, found);
  }

  unsupported(at: number, feature: string, found: string): DiskError {
    return unsupported(layer, this.device, at, feature, found);
  }
}
