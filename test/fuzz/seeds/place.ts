/**
 * A structure of a seed that mutations aim at: `at` and `length` in bytes of the image; its fields and blocks
 * are `unit` bytes. Mutations choose by kind first, so that a kind of few bytes is hit as often as another.
 */
export type Place = {
  readonly kind: string;
  readonly at: number;
  readonly length: number;
  readonly unit: number;
  /** The checksum that guards it; null where there is none, or no way to put it right. */
  readonly guard: Guard | null;
};

/** `index` is the group's or the inode's number. `fs` is the byte where the filesystem begins. */
export type Guard =
  | { readonly kind: 'gpt' }
  | {
      readonly kind: 'superblock' | 'group' | 'inode' | 'directory' | 'extents';
      readonly fs: number;
      readonly index: number;
    };

/** A file of text in a seed whose content may be replaced by any other; see text.ts. */
export type TextFile = { readonly path: string; readonly inodeAt: number };

/** What is known of a seed beside its bytes. */
export type Seed = {
  readonly name: string;
  readonly places: readonly Place[];
  /** Text files, with the place in the image, in bytes, that their new content goes to and its length. */
  readonly texts: {
    readonly files: readonly TextFile[];
    readonly room: { readonly at: number; readonly length: number; readonly block: number };
    readonly blockSize: number;
  } | null;
};
