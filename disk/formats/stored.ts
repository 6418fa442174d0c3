import type { Range, Source } from '../device.ts';
import type { Place } from '../error.ts';

/** The bytes of one opened file of an image, which can say where they are: in that file, at that offset. */
export class StoredFile implements Source {
  readonly size: number;
  readonly #source: Source;
  readonly #index: number;

  /** `index` is the number of the opened file, as it appears in {@link Place}. */
  constructor(source: Source, index: number) {
    this.#source = source;
    this.#index = index;
    this.size = source.size;
  }

  readInto(to: Uint8Array, offset: number): void {
    this.#source.readInto(to, offset);
  }

  prefetch(ranges: readonly Range[]): void {
    this.#source.prefetch(ranges);
  }

  place(offset: number): Place {
    return { source: this.#index, offset };
  }
}
