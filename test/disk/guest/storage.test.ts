import { expect, test } from 'vitest';
import { nameOf } from '../../../disk/name.ts';
import { directoryFilesystem } from '../../support/directory-filesystem.ts';
import { factsOf, machine } from '../../support/guest.ts';
import { scratch } from '../../support/scratch.ts';

const storageWarnings = (facts: ReturnType<typeof factsOf>) =>
  facts.warnings
    .filter(({ code }) => code !== 'SECTION_NOT_BUILT' && code !== 'NO_OPERATING_SYSTEM')
    .map(({ code, message, where }) => [code, where, message]);

test('every volume says what is on it, and why it was not read', async () => {
  const filesystem = directoryFilesystem(await scratch(), { uuid: 'aaaa-bbbb' });
  const label = nameOf(Buffer.from('k\xf6ln', 'latin1'));
  const facts = factsOf(
    machine(
      {
        content: { filesystem: { ...filesystem, facts: { ...filesystem.facts, label } } },
        partitionLabel: 'root',
      },
      {
        content: {
          status: 'recognised',
          type: 'swap',
          uuid: 'cccc',
          label: 'swap',
          reason: 'swap is not read',
        },
      },
      { content: { status: 'skipped', type: null, reason: 'no known content' }, flags: ['bios_boot'] },
    ),
  );
  expect(facts.storage.devices).toEqual([
    {
      id: 'disk0/p1',
      name: 'sda1',
      kind: 'partition',
      start_bytes: 1 << 20,
      size_bytes: 1 << 20,
      type: '0x83',
      uuid: 'abcd1234-01',
      label: 'root',
      flags: [],
      filesystem: {
        type: 'ext4',
        label: 'k\ufffdln',
        label_base64: Buffer.from('k\xf6ln', 'latin1').toString('base64'),
        uuid: 'aaaa-bbbb',
        block_size: 4096,
        size_bytes: 1 << 20,
        used_bytes: null,
        features: [],
        state: 'clean',
      },
      status: 'read',
      reason: null,
    },
    {
      id: 'disk0/p2',
      name: 'sda2',
      kind: 'partition',
      start_bytes: 2 << 20,
      size_bytes: 1 << 20,
      type: '0x83',
      uuid: 'abcd1234-02',
      label: null,
      flags: [],
      filesystem: {
        type: 'swap',
        label: 'swap',
        uuid: 'cccc',
        block_size: null,
        size_bytes: null,
        used_bytes: null,
        features: [],
        state: null,
      },
      status: 'recognised',
      reason: 'swap is not read',
    },
    {
      id: 'disk0/p3',
      name: 'sda3',
      kind: 'partition',
      start_bytes: 3 << 20,
      size_bytes: 1 << 20,
      type: '0x83',
      uuid: 'abcd1234-03',
      label: null,
      flags: ['bios_boot'],
      filesystem: null,
      status: 'skipped',
      reason: 'no known content',
    },
  ]);
  expect(storageWarnings(facts)).toEqual([]);
});

test('warnings pass on what disks, volumes and filesystems say of themselves', async () => {
  const filesystem = directoryFilesystem(await scratch());
  const place = { source: 0, offset: 2048 };
  const storage = machine(
    { content: { filesystem: { ...filesystem, state: 'replayed' } } },
    {
      content: {
        filesystem: {
          ...filesystem,
          state: 'dirty_read_as_is',
          notes: [{ code: 'JOURNAL_NOT_REPLAYED', message: 'it lies elsewhere' }],
        },
      },
    },
    { content: { status: 'damaged', reason: 'bad superblock', place } },
    { content: { status: 'recognised', reason: 'ext4: unsupported: encrypt', place } },
    { content: { status: 'recognised', type: 'ntfs', reason: 'ntfs is not read' } },
  );
  const note = { code: 'GPT_BACKUP_USED', message: 'the first header is damaged', where: 'disk0' };
  expect(storageWarnings(factsOf({ ...storage, notes: [note] }))).toEqual([
    ['GPT_BACKUP_USED', 'disk0', 'the first header is damaged'],
    ['JOURNAL_REPLAYED', 'disk0/p1', 'it was not unmounted; its journal is applied in memory'],
    ['JOURNAL_NOT_REPLAYED', 'disk0/p2', 'it lies elsewhere'],
    ['DIRTY_READ_AS_IS', 'disk0/p2', 'it was not unmounted and is read as it lies on the disk'],
    ['VOLUME_DAMAGED', 'disk0/p3', 'bad superblock'],
    ['VOLUME_NOT_READ', 'disk0/p4', 'ext4: unsupported: encrypt'],
  ]);
});
