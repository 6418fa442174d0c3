import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DiskError } from '../../../disk/error.ts';
import { part } from '../../../disk/guest/text.ts';
import { GuestTree } from '../../../disk/guest/tree.ts';
import { Warnings } from '../../../disk/guest/warnings.ts';
import { defaultLimits, type Limits } from '../../../disk/limits.ts';
import { name, nameOf, textOf } from '../../../disk/name.ts';
import { directoryFilesystem } from '../../support/directory-filesystem.ts';
import { type Files, plant } from '../../support/guest.ts';
import { scratch } from '../../support/scratch.ts';

type Broken = Parameters<typeof directoryFilesystem>[1];

async function treeOf(files: Files, limits: Partial<Limits> = {}, broken: Broken = {}) {
  const folder = await scratch();
  plant(folder, files);
  const warnings = new Warnings();
  const filesystem = directoryFilesystem(folder, broken);
  return { folder, warnings, tree: new GuestTree(filesystem, 0, { ...defaultLimits, ...limits }, warnings) };
}

const content = (tree: GuestTree, path: string) => {
  const bytes = tree.readFile(path);
  return bytes === null ? null : Buffer.from(bytes).toString();
};

describe('symbolic links', () => {
  test('resolve inside the guest and never leave it', async () => {
    const { tree } = await treeOf({
      'etc/hostname': 'inside',
      'a/absolute': { link: '/etc/hostname' },
      'a/up': { link: '../../../../../../etc/hostname' },
      'a/deep/relative': { link: '../../etc/./hostname' },
      'a/folder': { link: '/etc/' },
      'a/outside': { link: '/proc/self/environ' },
    });
    expect(content(tree, '/a/absolute')).toBe('inside');
    expect(content(tree, '/a/up')).toBe('inside');
    expect(content(tree, '/a/deep/relative')).toBe('inside');
    expect(content(tree, '/a/folder/hostname')).toBe('inside');
    expect(content(tree, '/../../etc/hostname')).toBe('inside');
    expect(tree.resolve('/a/folder/../a/absolute')).toBe('/etc/hostname');
    expect(content(tree, '/a/outside')).toBeNull();
  });

  test('`..` after a link goes to the parent of where the link ends', async () => {
    const { tree } = await treeOf({
      'x/y/file': 'y',
      'x/beside': 'right',
      beside: 'wrong',
      link: { link: 'x/y' },
    });
    expect(content(tree, '/link/../beside')).toBe('right');
  });

  test('in a loop, or too many, are taken as missing and named', async () => {
    const { tree, warnings } = await treeOf(
      {
        'loop/a': { link: 'b' },
        'loop/b': { link: '/loop/a' },
        'loop/self': { link: 'self/self' },
        three: { link: 'two' },
        two: { link: 'one' },
        one: { link: 'file' },
        file: 'reached',
      },
      { maxSymlinks: 2 },
    );
    expect(tree.type('/loop/a')).toBeNull();
    expect(tree.type('/loop/self')).toBeNull();
    expect(content(tree, '/two')).toBe('reached');
    expect(content(tree, '/three')).toBeNull();
    expect(warnings.list().map(({ code, where }) => [code, where])).toEqual([
      ['SYMLINK_LOOP', '/loop/a'],
      ['SYMLINK_LOOP', '/loop/self'],
      ['SYMLINK_LOOP', '/three'],
    ]);
  });

  test('that dangle are links all the same', async () => {
    const { tree } = await treeOf({ 'etc/os-release': { link: '../usr/lib/os-release' } });
    expect(tree.has('/etc/os-release')).toBe(true);
    expect(tree.type('/etc/os-release')).toBeNull();
    expect(tree.readlink('/etc/os-release')).toBe('../usr/lib/os-release');
    expect(tree.readlink('/etc')).toBeNull();
  });

  test('a file is no folder', async () => {
    const { tree } = await treeOf({ file: 'x', link: { link: 'file/' } });
    expect(tree.type('/file/below')).toBeNull();
    expect(tree.list('/file')).toEqual([]);
    expect(tree.readFile('/')).toBeNull();
  });
});

describe('mounts', () => {
  test('cover a folder, may stand on each other, and `..` leads out of them', async () => {
    const { tree, warnings } = await treeOf({
      'usr/hidden': 'x',
      'etc/name': 'root',
      bin: { link: 'usr/bin' },
    });
    const usr = await scratch();
    const local = await scratch();
    plant(usr, {
      'bin/sh': 'shell',
      'local/covered': 'x',
      up: { link: '../etc/name' },
      back: { link: '/etc/name' },
    });
    plant(local, { tool: 'mounted twice' });
    expect(tree.mount(name('/usr'), directoryFilesystem(usr), 0)).toBe(true);
    expect(tree.mount(name('/usr/local/'), directoryFilesystem(local), 0)).toBe(true);
    expect(tree.mount(name('/nowhere'), directoryFilesystem(local), 0)).toBe(false);
    expect(tree.type('/usr/hidden')).toBeNull();
    expect(content(tree, '/bin/sh')).toBe('shell');
    expect(content(tree, '/usr/local/tool')).toBe('mounted twice');
    expect(tree.type('/usr/local/covered')).toBeNull();
    expect(content(tree, '/usr/up')).toBe('root');
    expect(content(tree, '/usr/back')).toBe('root');
    expect(content(tree, '/usr/local/../up')).toBe('root');
    expect(tree.mount(name('/usr'), directoryFilesystem(local), 0)).toBe(true);
    expect(content(tree, '/usr/tool')).toBe('mounted twice');
    expect(warnings.list()).toEqual([]);
  });

  test('bind', async () => {
    const { tree } = await treeOf({ 'srv/data/file': 'bound', 'var/www': { folder: true } });
    expect(tree.bind(name('/var/www'), name('/srv/data'))).toBe(true);
    expect(tree.bind(name('/var/www'), name('/missing'))).toBe(false);
    expect(content(tree, '/var/www/file')).toBe('bound');
    expect(content(tree, '/var/www/../www/file')).toBe('bound');
  });
});

describe('names', () => {
  test('are bytes', async () => {
    const { tree, folder } = await treeOf({});
    const odd = Buffer.from('6e61efff6d65', 'hex');
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), odd]), 'odd');
    mkdirSync(join(folder, 'ünter'));
    symlinkSync('/ünter', join(folder, 'link'));
    writeFileSync(join(folder, 'ünter', '__proto__'), 'plain');
    expect(content(tree, `/${nameOf(odd)}`)).toBe('odd');
    expect(content(tree, `${name('/ünter')}/__proto__`)).toBe('plain');
    expect(content(tree, '/link/__proto__')).toBe('plain');
    expect(tree.list('/').map(({ name }) => name)).toContain(nameOf(odd));
    expect(tree.type('/constructor')).toBeNull();
    expect(tree.resolve('/link')).toBe(name('/ünter'));
  });
});

describe('reading', () => {
  test('a file past maxFileBytes is a warning that names it; its head can be read', async () => {
    const { tree, warnings } = await treeOf({ big: 'x'.repeat(101) }, { maxFileBytes: 100 });
    expect(tree.readFile('/big')).toBeNull();
    expect(tree.readHead('/big', 4)).toHaveLength(4);
    expect(warnings.list()).toEqual([
      {
        code: 'FILE_UNREADABLE',
        message: 'guest: limit maxFileBytes reached: a file of 101 bytes',
        where: '/big',
      },
    ]);
  });

  test('damage in one file ends neither the inspection nor its neighbours, and is named with its place', async () => {
    const { tree, warnings } = await treeOf(
      { 'etc/bad': 'x', 'etc/good': 'y', 'etc/folder/file': 'z' },
      {},
      { broken: ['/etc/bad', '/etc/folder'] },
    );
    expect(tree.readFile('/etc/bad')).toBeNull();
    expect(tree.list('/etc/folder')).toEqual([]);
    expect(content(tree, '/etc/good')).toBe('y');
    expect([...tree.stream('/etc/bad', (whole) => expect(whole).toBe(false))]).toEqual([]);
    expect(warnings.list().map(({ code, where }) => [code, where])).toEqual([
      ['FILE_UNREADABLE', '/etc/bad'],
      ['FILE_UNREADABLE', '/etc/folder'],
    ]);
    expect(warnings.list()[0]?.message).toContain('at image byte 8192');
  });

  test.each([
    ['io', 'file', 'all bytes'],
    ['changed', 'file', 'the same size'],
    ['limit', 'cache', 'maxBytesRead'],
    ['damage', 'qcow2', 'a cluster'],
  ] as const)('%s of %s ends it', async (kind, layer, expected) => {
    const error = () => new DiskError({ kind, layer, at: null, image: null, expected, found: 'none' });
    const { tree } = await treeOf({ 'etc/bad': 'x' }, {}, { broken: ['/etc/bad'], error });
    expect(() => tree.readFile('/etc/bad')).toThrow(DiskError);
    expect(() => [...tree.stream('/etc/bad', () => {})]).toThrow(DiskError);
  });

  test('a mistake of our own is no warning', async () => {
    const { tree } = await treeOf(
      { 'etc/bad': 'x' },
      {},
      { broken: ['/etc/bad'], error: () => new TypeError('ours') },
    );
    expect(() => tree.readFile('/etc/bad')).toThrow(TypeError);
  });

  test('streams lines over the borders of its reads, and cuts endless ones', async () => {
    const long = `${'a'.repeat(300_000)}\n`;
    const many = Array.from({ length: 30_000 }, (_, i) => `line ${i}`);
    const { tree } = await treeOf({ file: `${many.join('\n')}\n${long}last` });
    let whole = false;
    const lines = [...tree.stream('/file', (all) => (whole = all))];
    expect(whole).toBe(true);
    expect(lines.slice(0, 30_000)).toEqual(many);
    expect(lines).toHaveLength(30_002);
    expect(lines[30_000]?.length).toBeLessThanOrEqual(192 * 1024);
    expect(lines[30_001]).toBe('last');
  });

  test('a folder past maxEntries is a warning', async () => {
    const { tree, warnings } = await treeOf({ 'd/1': '', 'd/2': '', 'd/3': '' }, { maxEntries: 2 });
    expect(tree.list('/d')).toEqual([]);
    expect(warnings.list()[0]?.message).toContain('maxEntries');
  });

  test('lines end with LF or CR LF', async () => {
    const { tree } = await treeOf({ file: 'one\r\ntwo\n\u00e4' });
    expect(tree.lines('/file').map((line) => textOf(part(line)))).toEqual(['one', 'two', 'ä']);
  });
});
