import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../support/run.ts';
import { extPlaces } from './ext-places.ts';
import type { Place, Seed } from './place.ts';
import { qcow2Places } from './qcow2-places.ts';
import { type Filesystem, recipes } from './recipes.ts';
import { textsOf } from './texts.ts';

/** A seed with its bytes. */
export type LoadedSeed = Seed & { readonly bytes: Uint8Array };

const root = join(import.meta.dirname, '../../../.cache/fuzz');

/** Where failures are kept. */
export const failuresFolder = join(root, 'failures');

/** The seeds whose names hold `pattern`; made by real tools on first use, then kept in .cache/fuzz. */
export async function loadSeeds(pattern = ''): Promise<LoadedSeed[]> {
  const folder = await made();
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json') && file.includes(pattern))
    .sort()
    .map((file) => {
      const seed: Seed = JSON.parse(readFileSync(join(folder, file), 'utf8'));
      return { ...seed, bytes: readFileSync(join(folder, `${seed.name}.img`)) };
    });
}

/** The folder of seeds made by this version of the recipes. */
async function made(): Promise<string> {
  const sources = readdirSync(import.meta.dirname).sort();
  const version = createHash('sha256');
  for (const file of sources) version.update(readFileSync(join(import.meta.dirname, file)));
  const folder = join(root, `seeds-${version.digest('hex').slice(0, 12)}`);
  if (existsSync(folder)) return folder;
  const making = `${folder}.${process.pid}`;
  const scratch = join(making, 'scratch');
  mkdirSync(scratch, { recursive: true });
  for (const recipe of recipes) {
    const own = join(scratch, recipe.name);
    mkdirSync(own);
    const { image, filesystems } = await recipe.make(own);
    const seed = await describe(recipe.name, image, filesystems);
    writeFileSync(join(making, `${recipe.name}.json`), JSON.stringify(seed));
    renameSync(image, join(making, `${recipe.name}.img`));
  }
  rmSync(scratch, { recursive: true });
  if (existsSync(folder)) rmSync(making, { recursive: true });
  else renameSync(making, folder);
  return folder;
}

async function describe(name: string, image: string, filesystems: readonly Filesystem[]): Promise<Seed> {
  const bytes = readFileSync(image);
  const isQcow2 = bytes.toString('latin1', 0, 4) === 'QFI\xfb';
  let disk: Uint8Array = bytes;
  if (isQcow2) {
    await run('qemu-img', ['convert', '-O', 'raw', image, `${image}.raw`]);
    disk = readFileSync(`${image}.raw`);
  }
  const places = tablePlaces(disk);
  for (const { file, at } of filesystems) places.push(...(await extPlaces(file, disk, at)));
  const [first] = filesystems;
  const texts = isQcow2 || first === undefined ? null : await textsOf(first, disk);
  return { name, places: isQcow2 ? await qcow2Places(image, bytes, places) : places, texts };
}

/** The partition tables of a disk. */
function tablePlaces(disk: Uint8Array): Place[] {
  const places: Place[] = [];
  const b = Buffer.from(disk.buffer, disk.byteOffset, disk.byteLength);
  const add = (kind: string, at: number, length: number, guard: Place['guard'] = null) =>
    places.push({ kind, at, length, unit: 4, guard });
  const gpt = b.toString('latin1', 512, 520) === 'EFI PART';
  for (let at = 0; at + 512 <= b.length && !gpt; at += 512) {
    const isTable = b.readUInt16LE(at + 510) === 0xaa55 && (b[at + 446] === 0 || b[at + 446] === 0x80);
    if (isTable) add('mbr', at + 440, 72);
  }
  if (!gpt) return places;
  add('mbr', 440, 72);
  add('gpt header', 512, 92, { kind: 'gpt' });
  add('gpt entries', 1024, 128 * 8, { kind: 'gpt' });
  add('gpt backup', b.length - 512, 92);
  return places;
}
