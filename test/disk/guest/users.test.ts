import { expect, test } from 'vitest';
import { type Files, factsOf, machine, plant } from '../../support/guest.ts';
import { scratch } from '../../support/scratch.ts';

async function usersOf(files: Files) {
  const folder = await scratch();
  plant(folder, { 'etc/os-release': 'ID=debian\n', ...files });
  return factsOf(machine(folder));
}

test('accounts, groups and who is in which', async () => {
  const { users } = await usersOf({
    'etc/passwd': 'root:x:0:0:root:/root:/bin/bash\nanna:x:1000:1000:Anna,,,:/home/anna:/bin/zsh\n',
    'etc/group': 'root:x:0:\nsudo:x:27:anna,gone\nanna:x:1000:anna\nadm:x:4:anna\n',
    'etc/shadow': 'root:*:1:0:99999:7:::\nanna:$y$secret:1:0:99999:7:::\n',
  });
  expect(users).toEqual({
    users: [
      {
        name: 'root',
        uid: 0,
        gid: 0,
        home: '/root',
        shell: '/bin/bash',
        gecos: 'root',
        locked: true,
        groups: ['root'],
      },
      {
        name: 'anna',
        uid: 1000,
        gid: 1000,
        home: '/home/anna',
        shell: '/bin/zsh',
        gecos: 'Anna,,,',
        locked: false,
        groups: ['anna', 'sudo', 'adm'],
      },
    ],
    groups: [
      { name: 'root', gid: 0, members: [] },
      { name: 'sudo', gid: 27, members: ['anna', 'gone'] },
      { name: 'anna', gid: 1000, members: ['anna'] },
      { name: 'adm', gid: 4, members: ['anna'] },
    ],
  });
});

test('no password hash, wherever it stands, gets into the result', async () => {
  const facts = await usersOf({
    'etc/passwd': 'old:$1$inpasswd$hash:5:5::/:/bin/sh\nnew:x:6:6::/:\n',
    'etc/shadow': 'new:!$6$inshadow$hash:1::::::\n',
    'etc/group': 'wheel:$1$ingroup$hash:5:\n',
    'etc/gshadow': 'wheel:$6$ingshadow::\n',
  });
  expect(JSON.stringify(facts)).not.toMatch(/inpasswd|inshadow|ingroup|ingshadow/);
  expect(facts.users?.users.map(({ name, locked }) => [name, locked])).toEqual([
    ['old', false],
    ['new', true],
  ]);
});

test('locked is unknown without shadow', async () => {
  const { users } = await usersOf({
    'etc/passwd': 'a:x:1:1:::\nb:*:2:2:::\nc::3:3:::\nd:x:4:4:::\n',
    'etc/shadow': 'd:!!:\n',
  });
  expect(users?.users.map(({ locked }) => locked)).toEqual([null, true, false, true]);
});

test('lines that are no accounts are passed over; names are bytes and data', async () => {
  const { users } = await usersOf({
    'etc/passwd': Buffer.concat([
      Buffer.from(
        '# comment\n+@nis:::::\n-gone:x:1:1:::\nshort\n:x:1:1:::\nbig:x:99999999999:1:::\nminus:x:-1:1:::\n',
      ),
      Buffer.from('__proto__:x:1:1:::\nconstructor:x:2:1:::\n'),
      Buffer.from('j\xf6rg:x:3:1:J\xf6rg:/home/j\xf6rg:/bin/sh\n', 'latin1'),
      Buffer.from('jörg:x:4:1:Jörg:/home/jörg:/bin/sh\r\n'),
    ]),
    'etc/group': '__proto__:x:1:constructor\nbad:x:gid:\n',
  });
  expect(users?.users).toMatchObject([
    { name: '__proto__', groups: ['__proto__'] },
    { name: 'constructor', groups: ['__proto__'] },
    { name: 'j\ufffdrg', name_base64: Buffer.from('j\xf6rg', 'latin1').toString('base64'), uid: 3 },
    { name: 'jörg', gecos: 'Jörg', home: '/home/jörg', shell: '/bin/sh' },
  ]);
  expect(users?.users[3]).not.toHaveProperty('name_base64');
  expect(users?.groups).toHaveLength(1);
});
