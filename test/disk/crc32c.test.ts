import { expect, test } from 'vitest';
import { crc32c, crc32cLe32 } from '../../disk/crc32c.ts';

const invert = (crc: number) => (crc ^ 0xffffffff) >>> 0;

test('the check values of RFC 3720', () => {
  expect(invert(crc32c(0xffffffff, Buffer.from('123456789')))).toBe(0xe3069283);
  expect(invert(crc32c(0xffffffff, new Uint8Array(32)))).toBe(0x8a9136aa);
  expect(invert(crc32c(0xffffffff, new Uint8Array(32).fill(0xff)))).toBe(0x62a8ab43);
});

test('pieces give what the whole gives, wherever they are cut', () => {
  const bytes = Buffer.from(Array.from({ length: 100 }, (_, i) => i * 37));
  const whole = crc32c(0xffffffff, bytes);
  for (let cut = 0; cut <= bytes.length; cut++) {
    expect(crc32c(crc32c(0xffffffff, bytes, 0, cut), bytes, cut)).toBe(whole);
  }
  const word = bytes.readUInt32LE(8);
  expect(crc32cLe32(0x1234, word)).toBe(crc32c(0x1234, bytes, 8, 12));
});
