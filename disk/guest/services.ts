import { textOf } from '../name.ts';
import type { Service, Services } from './facts.ts';
import { readUnits } from './systemd.ts';
import { addTo, byBytes, part, text } from './text.ts';
import type { GuestTree, TreeEntry } from './tree.ts';

/** Files in /etc/init.d that start nothing. */
const noScripts =
  /^(?:\.|README$|skeleton$|rc$|rcS$|functions$|functions\.sh$|halt$|killall$|single$|depend)|\.dpkg-/;

/** Every service: systemd units first, then OpenRC's or System V's scripts that no unit stands for. */
export function readServices(tree: GuestTree): Services {
  const units = readUnits(tree);
  const names = new Set(units.map(({ name }) => name));
  const scripts = tree.isDirectory('/etc/runlevels') ? readOpenRc(tree) : readSysv(tree);
  const shown = scripts.filter(({ name }) => !names.has(`${name.replace(/\.sh$/, '')}.service`));
  const services = [...units, ...shown];
  return { count: services.length, services };
}

/** Scripts of /etc/init.d; a link `S…` in a run level's folder starts one there. */
function readSysv(tree: GuestTree): Service[] {
  const levels = ['rcS', 'rc2', 'rc3', 'rc4', 'rc5'];
  const started = new Map<string, string[]>();
  for (const level of levels) {
    const entries = tree.list(`/etc/${level}.d`);
    for (const { name } of entries.length > 0 ? entries : tree.list(`/etc/rc.d/${level}.d`)) {
      const script = /^S[0-9]{2}(.+)$/.exec(name)?.[1];
      if (script !== undefined) addTo(started, script, level);
    }
  }
  return scriptsOf(tree).map(({ name }) => {
    const targets = started.get(name) ?? [];
    return {
      ...text('name', name),
      kind: 'sysv',
      enabled: targets.length > 0 ? 'enabled' : 'disabled',
      targets,
    };
  });
}

/** Scripts of /etc/init.d; a link in /etc/runlevels/<level> starts one there. */
function readOpenRc(tree: GuestTree): Service[] {
  const started = new Map<string, string[]>();
  for (const { name: level, type } of tree.list('/etc/runlevels')) {
    if (type !== 'directory') continue;
    for (const { name } of tree.list(`/etc/runlevels/${level}`)) {
      addTo(started, name, textOf(part(level)));
    }
  }
  return scriptsOf(tree).map(({ name }) => {
    const targets = (started.get(name) ?? []).sort(byBytes);
    return {
      ...text('name', name),
      kind: 'openrc',
      enabled: targets.length > 0 ? 'enabled' : 'disabled',
      targets,
    };
  });
}

function scriptsOf(tree: GuestTree): TreeEntry[] {
  return tree
    .list('/etc/init.d')
    .filter(({ name, type }) => (type === 'file' || type === 'symlink') && !noScripts.test(name));
}
