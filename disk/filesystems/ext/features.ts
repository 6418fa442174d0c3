/** Incompatible features, by bit, with the names `dumpe2fs -h` prints (e2fsprogs, lib/e2p/feature.c). */
export const Incompat = {
  compression: 0x1,
  filetype: 0x2,
  needs_recovery: 0x4,
  journal_dev: 0x8,
  meta_bg: 0x10,
  extent: 0x40,
  '64bit': 0x80,
  mmp: 0x100,
  flex_bg: 0x200,
  ea_inode: 0x400,
  dirdata: 0x1000,
  metadata_csum_seed: 0x2000,
  large_dir: 0x4000,
  inline_data: 0x8000,
  encrypt: 0x10000,
  casefold: 0x20000,
} as const;

/** Compatible features: a reader may ignore them. */
export const Compat = {
  dir_prealloc: 0x1,
  imagic_inodes: 0x2,
  has_journal: 0x4,
  ext_attr: 0x8,
  resize_inode: 0x10,
  dir_index: 0x20,
  lazy_bg: 0x40,
  snapshot_bitmap: 0x100,
  sparse_super2: 0x200,
  fast_commit: 0x400,
  stable_inodes: 0x800,
  orphan_file: 0x1000,
} as const;

/** Features that only forbid writing: none of them keeps a reader away. */
export const RoCompat = {
  sparse_super: 0x1,
  large_file: 0x2,
  huge_file: 0x8,
  uninit_bg: 0x10,
  dir_nlink: 0x20,
  extra_isize: 0x40,
  snapshot: 0x80,
  quota: 0x100,
  bigalloc: 0x200,
  metadata_csum: 0x400,
  replica: 0x800,
  'read-only': 0x1000,
  project: 0x2000,
  shared_blocks: 0x4000,
  verity: 0x8000,
  orphan_present: 0x10000,
} as const;

const read: number = Object.entries(Incompat).reduce(
  (bits, [name, bit]) => (name === 'compression' || name === 'journal_dev' ? bits : bits | bit),
  0,
);

/** The incompatible features of `bits` that this reader does not read, by name or as `FEATURE_I<bit>`. */
export function unreadable(bits: number): string[] {
  return names('I', Incompat, (bits & ~read) >>> 0);
}

/** All feature names in the order of `dumpe2fs -h`; a bit without a name is `FEATURE_C<bit>`, `_I`, `_R`. */
export function featureNames(compat: number, incompat: number, roCompat: number): string[] {
  return [
    ...names('C', Compat, compat),
    ...names('I', Incompat, incompat),
    ...names('R', RoCompat, roCompat),
  ];
}

function names(set: 'C' | 'I' | 'R', known: Readonly<Record<string, number>>, bits: number): string[] {
  const found: string[] = [];
  for (let bit = 0; bit < 32; bit++) {
    const mask = (1 << bit) >>> 0;
    if ((bits & mask) >>> 0 === 0) continue;
    found.push(Object.keys(known).find((key) => known[key] === mask) ?? `FEATURE_${set}${bit}`);
  }
  return found;
}

/** The type as blkid decides it: by the features an ext2 or ext3 driver does not know, then by the journal. */
export function typeOf(compat: number, incompat: number, roCompat: number): 'ext2' | 'ext3' | 'ext4' {
  const old = Incompat.filetype | Incompat.needs_recovery | Incompat.meta_bg;
  const oldRo = 0x7; // sparse_super, large_file and btree_dir, which was never used
  if ((incompat & ~old) !== 0 || (roCompat & ~oldRo) !== 0) return 'ext4';
  return compat & Compat.has_journal ? 'ext3' : 'ext2';
}
