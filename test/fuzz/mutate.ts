import { putRight } from './checksums.ts';
import { MutatedImage } from './image.ts';
import type { Random } from './random.ts';
import type { LoadedSeed } from './seeds/build.ts';
import type { Place } from './seeds/place.ts';
import { mutateText } from './text.ts';

/** Values at the edges of what fields hold, in bits. */
const interesting = [
  0n,
  1n,
  2n,
  3n,
  4n,
  7n,
  8n,
  12n,
  15n,
  16n,
  127n,
  128n,
  255n,
  256n,
  511n,
  512n,
  1023n,
  1024n,
  4095n,
  4096n,
  0x7fffn,
  0x8000n,
  0xfffen,
  0xffffn,
  0x10000n,
  0x7fffffffn,
  0x80000000n,
  0xfffffffen,
  0xffffffffn,
  0x100000000n,
  (1n << 53n) - 1n,
  1n << 53n,
  1n << 62n,
  1n << 63n,
  (1n << 64n) - 1n,
];

/** An image made from a seed, with what was done to it in words. */
export type Mutated = { readonly image: MutatedImage; readonly steps: readonly string[] };

/** Changes a seed in one to eight steps; the same seed and numbers give the same image. */
export function mutate(seed: LoadedSeed, random: Random): Mutated {
  const image = new MutatedImage(seed.bytes);
  const steps: string[] = [];
  let count = 1;
  while (count < 8 && random.once(2)) count++;
  for (let n = 0; n < count; n++) {
    if (seed.texts !== null && !random.once(4)) steps.push(mutateText(image, seed.texts, random, n));
    else steps.push(...mutateOnce(image, seed, random));
  }
  return { image, steps };
}

function mutateOnce(image: MutatedImage, seed: LoadedSeed, random: Random): string[] {
  if (random.once(100)) return [resize(image, random)];
  const place = placeOf(image, seed, random);
  const steps = [change(image, place, seed, random)];
  if (place.guard !== null && !random.once(4)) {
    putRight(image, place);
    steps.push(`checksum of ${place.kind} put right`);
  }
  return steps;
}

function resize(image: MutatedImage, random: Random): string {
  const size = random.once(4)
    ? image.size + random.pick([1, 511, 512, 4096, 65536])
    : random.once(3)
      ? random.below(Math.min(image.size, 70_000)) + 1
      : random.below(image.size) + 1;
  image.resize(size);
  return `resized to ${size}`;
}

/** Mostly a structure, by kind first; now and then anywhere. */
function placeOf(image: MutatedImage, seed: LoadedSeed, random: Random): Place {
  if (random.once(20) || seed.places.length === 0) {
    const at = random.below(Math.max(1, image.size - 512));
    return { kind: 'anywhere', at, length: 512, unit: 1, guard: null };
  }
  const kind = random.pick([...new Set(seed.places.map((place) => place.kind))]);
  return random.pick(seed.places.filter((place) => place.kind === kind));
}

function change(image: MutatedImage, place: Place, seed: LoadedSeed, random: Random): string {
  const { kind, at, length, unit } = place;
  const where =
    at +
    random.below(Math.max(1, Math.floor(length / unit))) * unit +
    (random.once(4) ? random.below(unit) : 0);
  const said = (what: string) => `${kind} at ${at}: ${what}`;
  const operation = random.below(12);
  switch (operation) {
    case 0: {
      const byte = at + random.below(length);
      const bit = random.below(8);
      image.write(byte, Uint8Array.of((image.read(byte, 1)[0] ?? 0) ^ (1 << bit)));
      return said(`bit ${bit} of byte ${byte} flipped`);
    }
    case 1:
    case 2:
    case 3: {
      const width = random.pick([1, 2, 2, 4, 4, 4, 8]);
      const value = random.pick(interesting);
      writeNumber(image, where, value, width, random.once(kind.startsWith('ext') ? 8 : 3));
      return said(`${width} bytes at ${where} set to ${value}`);
    }
    case 4:
    case 5: {
      const width = random.pick([1, 2, 4, 4]);
      const big = kind.startsWith('qcow2') || kind.startsWith('journal');
      const before = big
        ? image.read(where, width).readUIntBE(0, width)
        : image.read(where, width).readUIntLE(0, width);
      const by = random.pick([-4096, -256, -12, -8, -4, -2, -1, 1, 2, 4, 8, 12, 256, 4096]);
      writeNumber(image, where, BigInt.asUintN(width * 8, BigInt(before + by)), width, big);
      return said(`${width} bytes at ${where} changed by ${by}`);
    }
    case 6: {
      // A field of a structure of the same kind: a pointer that is good, and points elsewhere than it should.
      const other = random.pick(
        seed.places.filter((one) => one.kind === kind || random.once(10)).concat([place]),
      );
      const from = other.at + random.below(Math.max(1, Math.floor(other.length / unit))) * unit;
      const width = random.pick([4, 8, 12, 16]);
      image.write(where, image.read(from, width));
      return said(`${width} bytes at ${where} taken from ${from}`);
    }
    case 7: {
      const other = random.pick(seed.places);
      const width = Math.min(length, other.length);
      image.write(at, image.read(other.at, width));
      return said(`overwritten by ${width} bytes of ${other.kind} at ${other.at}`);
    }
    case 8: {
      const other = random.pick(seed.places.filter((one) => one.kind === kind).concat([place]));
      const width = Math.min(length, other.length);
      const [ours, theirs] = [image.read(at, width), image.read(other.at, width)];
      image.write(at, theirs);
      image.write(other.at, ours);
      if (other.guard !== null && !random.once(4)) putRight(image, other);
      return said(`swapped with ${width} bytes at ${other.at}`);
    }
    case 9: {
      const width = Math.min(length, random.pick([2, 4, 16, 64, 512, 4096]));
      image.write(where, random.bytes(width));
      return said(`${width} random bytes at ${where}`);
    }
    case 10: {
      const width = Math.min(length, random.pick([4, 16, 64, 512, 4096]));
      const value = random.pick([0, 0xff, 0x20, 0x0a, 0x2f]);
      image.write(where, new Uint8Array(width).fill(value));
      return said(`${width} bytes of ${value} at ${where}`);
    }
    default: {
      // A number that names another place of the image: blocks and clusters become shared or circular.
      const target = random.pick(seed.places).at;
      const scale = random.pick([1, 512, 1024, 4096]);
      const big = kind.startsWith('qcow2');
      writeNumber(image, where, BigInt(Math.floor(target / scale)), big ? 8 : 4, big);
      return said(`number at ${where} set to that of byte ${target} by ${scale}`);
    }
  }
}

function writeNumber(image: MutatedImage, at: number, value: bigint, width: number, big: boolean): void {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  const cut = bytes.subarray(0, width);
  image.write(at, big ? Buffer.from(cut).reverse() : cut);
}
