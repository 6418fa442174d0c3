import { type Name, textOf } from '../name.ts';
import type { Group, User, Users } from './facts.ts';
import { decimal, part, text } from './text.ts';
import type { GuestTree } from './tree.ts';

const maxId = 0xffff_ffff;

/** The accounts of passwd(5), group(5) and shadow(5), in their order. Of passwords only whether one can log in. */
export function readUsers(tree: GuestTree): Users {
  const locks = readLocks(tree);
  const groups: Group[] = [];
  const primary = new Map<number, string>();
  const memberOf = new Map<Name, Set<string>>();
  for (const [name, , id, list] of records(tree, '/etc/group')) {
    const gid = decimal(id, maxId);
    if (name === undefined || gid === null) continue;
    const members = (list ?? '').split(',').flatMap((member) => (member === '' ? [] : [part(member)]));
    groups.push({ ...text('name', name), gid, members: members.map(textOf) });
    if (!primary.has(gid)) primary.set(gid, textOf(name));
    for (const member of members) {
      const of = memberOf.get(member) ?? new Set();
      memberOf.set(member, of.add(textOf(name)));
    }
  }
  const users: User[] = [];
  for (const [name, password, id, group, gecos, home, shell] of records(tree, '/etc/passwd')) {
    const uid = decimal(id, maxId);
    const gid = decimal(group, maxId);
    if (name === undefined || uid === null || gid === null) continue;
    const own = primary.get(gid);
    const others = memberOf.get(name) ?? [];
    // Listed once: a name on every line of passwd would multiply with its groups.
    memberOf.delete(name);
    users.push({
      ...text('name', name),
      uid,
      gid,
      ...text('home', home ?? part('')),
      ...text('shell', shell ?? part('')),
      ...text('gecos', gecos ?? part('')),
      locked: password === 'x' ? (locks.get(name) ?? null) : isLocked(password ?? ''),
      groups: [...new Set([...(own === undefined ? [] : [own]), ...others])],
    });
  }
  return { users, groups };
}

function readLocks(tree: GuestTree): Map<Name, boolean> {
  const locks = new Map<Name, boolean>();
  for (const [name, hash] of records(tree, '/etc/shadow')) {
    if (name !== undefined && hash !== undefined) locks.set(name, isLocked(hash));
  }
  return locks;
}

/** `*` and `!…` are no hash of anything; an empty field asks for no password. */
function isLocked(field: string): boolean {
  return field.startsWith('!') || field.startsWith('*');
}

/** Lines of colon-separated fields with a name first; NIS lines (`+`, `-`) and comments are passed over. */
function records(tree: GuestTree, path: string): Name[][] {
  return tree.lines(path).flatMap((line) => {
    if (/^[+\-#]|^\s*$|^:/.test(line)) return [];
    return [line.split(':').map(part)];
  });
}
