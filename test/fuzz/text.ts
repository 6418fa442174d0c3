import type { MutatedImage } from './image.ts';
import type { Random } from './random.ts';
import type { Seed } from './seeds/place.ts';

type Texts = NonNullable<Seed['texts']>;

/** What a text is broken by: characters that mean something to some reader, and some that mean nothing to any. */
const tokens = [
  '\n',
  '\r\n',
  '\0',
  '=',
  ':',
  ';',
  ',',
  '"',
  "'",
  '\\',
  '\\\n',
  '#',
  '[',
  ']',
  '{',
  '}',
  '- ',
  '? ',
  '  ',
  '\t',
  '%',
  '@',
  '*',
  '?',
  '/',
  '..',
  '~',
  '\x85',
  '\xa0',
  '\xff\xfe',
  '\xc3\xa9',
  '\xed\xa0\x80',
  '999999999999999999',
  '-1',
  '0',
  '0x10',
  '__proto__',
  'constructor',
  '\u001b[31m',
  '[Install]\n',
  'WantedBy=',
  'source ',
  '&a',
  '*a',
  '|\n',
  '$(x)',
];

/** Units that repeated a million times find what takes more than linear time, memory or stack. */
const units = [
  ' ',
  '\t',
  '\n',
  '\\',
  '\\\n',
  'a',
  'a ',
  'a,',
  'a:',
  'a=',
  '[',
  '{',
  '- ',
  '- - ',
  'a: ',
  '"',
  "'",
  "''",
  '\0',
  '\xff',
  '1',
  '1.',
  '0',
  'a=b\n',
  '[Install]\n',
  'A=b\\\n',
  'root:x:0:0:::\n',
  'g:x:1:a,b,c\n',
  'UUID=a /a ext4 a 0 0\n',
  '127.0.0.1 a b c\n',
  'Package: a\n',
  'Package: a\n\n',
  'Package: a\nStatus: install ok installed\n\n',
  ' x\n',
  'iface a inet dhcp\n',
  'source a*\n',
  'source /etc/network/*\n',
  'address 192.0.2.1\n',
  'WantedBy=a b\n',
  'Alias=a.service\n',
  '[a]\nb=c\n',
  'nameserver a\n',
  'search a b\n',
  '"a": [a, b]\n',
  'a: {b: c}\n',
  '*a',
  '?*',
  '(',
  ')',
  'a (',
  '#',
  '#\n',
  '\r',
  'export ',
  'export A=',
  '-\n',
  ' -\n',
  'a\n ',
  '1a',
  '-rc',
  '~',
];

/** Room that one text may take; the last takes what is left. */
const SLOTS = 8;

/**
 * Gives a text file of the guest new content of any length: written to the seed's room, with an inode that
 * points there. `step` chooses the part of the room, so that texts of one case do not overwrite each other.
 */
export function mutateText(image: MutatedImage, texts: Texts, random: Random, step: number): string {
  const file = random.pick(texts.files);
  const { room, blockSize } = texts;
  const whole = Math.floor(room.length / blockSize / SLOTS) * blockSize;
  const huge = step === 0 && random.once(5);
  const at = huge ? 0 : step * whole;
  const text = huge
    ? repeated(random, Math.min(room.length, 8 * 1024 ** 2))
    : broken(contentOf(image, texts, file.inodeAt), random, whole);
  const bytes = Buffer.from(text.content, 'latin1');
  image.write(room.at + at, bytes);
  // One extent from file block 0 on; i_size as long as the text.
  const inode = image.read(file.inodeAt, 128);
  inode.writeUInt32LE(bytes.length, 4);
  inode.writeUInt32LE(0x80000, 0x20);
  inode.fill(0, 0x28, 0x28 + 60);
  inode.set([0x0a, 0xf3, bytes.length > 0 ? 1 : 0, 0, 4, 0, 0, 0], 0x28);
  inode.writeUInt16LE(Math.ceil(bytes.length / blockSize), 0x28 + 16);
  inode.writeUInt32LE(room.block + at / blockSize, 0x28 + 20);
  image.write(file.inodeAt, inode);
  return `${file.path}: ${text.step}`;
}

/** What a file's first extent holds. */
function contentOf(image: MutatedImage, { blockSize, room }: Texts, inodeAt: number): string {
  const inode = image.read(inodeAt, 128);
  const length = Math.min(inode.readUInt32LE(4), 64 * 1024);
  const block = inode.readUInt32LE(0x28 + 20);
  const start = room.at - room.block * blockSize;
  return image.read(start + block * blockSize, length).toString('latin1');
}

function repeated(random: Random, most: number): { content: string; step: string } {
  const unit = random.pick(units);
  const length = random.pick([100_000, 1_000_000, most]);
  const head = random.once(2)
    ? ''
    : random.pick([
        'ID=',
        '[Install]\n',
        'network:\n  ethernets: ',
        'iface a inet static\n',
        'Package: ',
        'a=',
        '"',
      ]);
  const content = (head + unit.repeat(Math.ceil(length / unit.length))).slice(0, length);
  return { content, step: `${JSON.stringify(head)}, then ${JSON.stringify(unit)} up to ${length} bytes` };
}

function broken(text: string, random: Random, most: number): { content: string; step: string } {
  let content = text;
  const steps: string[] = [];
  for (let n = 0; n < 1 + random.below(6); n++) {
    const at = random.below(content.length + 1);
    const length = random.below(Math.min(80, content.length - at + 1));
    const line = (content.split('\n', 1000).find(() => random.once(4)) ?? '').slice(0, 1000);
    switch (random.below(8)) {
      case 0:
        content = content.slice(0, at) + content.slice(at + length);
        steps.push(`${length} bytes at ${at} cut`);
        break;
      case 1: {
        const unit = random.pick(units).repeat(random.pick([2, 100, 5000, 70_000]));
        content = content.slice(0, at) + unit + content.slice(at);
        steps.push(`${unit.length} bytes of ${JSON.stringify(unit.slice(0, 8))} at ${at}`);
        break;
      }
      case 2: {
        const times = random.pick([2, 10, 300]);
        content = content.slice(0, at) + `${line}\n`.repeat(times) + content.slice(at);
        steps.push(`${JSON.stringify(line)} ${times} times at ${at}`);
        break;
      }
      case 3:
        content = content.slice(0, at);
        steps.push(`ends at ${at}`);
        break;
      case 4: {
        const noise = Buffer.from(random.bytes(1 + random.below(40))).toString('latin1');
        content = content.slice(0, at) + noise + content.slice(at + noise.length);
        steps.push(`${noise.length} random bytes at ${at}`);
        break;
      }
      default: {
        const token = random.pick(tokens);
        content = content.slice(0, at) + token + content.slice(at + (random.once(2) ? length : 0));
        steps.push(`${JSON.stringify(token)} at ${at}`);
      }
    }
  }
  return { content: content.slice(0, most), step: steps.join(', ') };
}
