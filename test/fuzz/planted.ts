import { read } from '../../disk/device.ts';
import { DiskError } from '../../disk/error.ts';
import { inspect } from '../../disk/inspect.ts';

/** Readers with a bug each, to show that the fuzz finds it. */
export const plantedBugs: ReadonlyMap<string, typeof inspect> = new Map<string, typeof inspect>([
  [
    'exception',
    (...given) => {
      new Uint8Array(4).set(new Uint8Array(5));
      return inspect(...given);
    },
  ],
  [
    'outside',
    (...given) => {
      const [, [source]] = given;
      try {
        if (source !== undefined) read(source, source.size - 1, 2);
      } catch {
        // A reader that catches too much must not hide it.
      }
      return inspect(...given);
    },
  ],
  [
    'endless',
    () => {
      for (;;);
    },
  ],
  [
    'memory',
    () => {
      const kept: Uint8Array[] = [];
      for (;;) kept.push(new Uint8Array(1024 ** 2).fill(1));
    },
  ],
  [
    'failing',
    () => {
      const text = { expected: 'bytes', found: 'none' };
      throw new DiskError({ kind: 'io', layer: 'file', at: 0, image: null, ...text });
    },
  ],
]);
