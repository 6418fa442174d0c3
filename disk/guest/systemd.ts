import { type Name, textOf } from '../name.ts';
import type { Service } from './facts.ts';
import { parseIni, valuesOf } from './ini.ts';
import { addAll, addTo, byBytes, part, text, words } from './text.ts';
import type { GuestTree } from './tree.ts';

/** Where links that enable a unit are made (systemctl enable). */
const config = '/etc/systemd/system';
/** Unit load path, highest first (systemd.unit(5)), without what exists only while the system runs. */
const unitPath = [config, '/usr/local/lib/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system'];

type UnitFile = { readonly folder: string; readonly isLink: boolean };

/** What the folders of the unit load path hold: which units, and which links want them. */
type Units = {
  /** Service name → the file or link that counts: the first of the load path. */
  readonly files: ReadonlyMap<Name, UnitFile>;
  /** Service name → units that want or require it, in any folder. */
  readonly wantedBy: ReadonlyMap<Name, ReadonlySet<Name>>;
  /** Services wanted by a link in /etc: that is what enables one. */
  readonly enabled: ReadonlySet<Name>;
  /** Templates of which /etc wants an instance. */
  readonly instantiated: ReadonlySet<Name>;
  /** File name → links of other names to it in /etc itself. */
  readonly links: ReadonlyMap<Name, readonly Name[]>;
  /** Services with a folder of drop-ins, which may hold an [Install] section → those folders. */
  readonly dropIns: ReadonlyMap<Name, readonly string[]>;
};

/**
 * The system services as `systemctl --root=… list-unit-files --type=service` and `is-enabled` see them: every
 * unit file, and the enabled instances of templates. Sockets, timers and other units are not listed.
 */
export function readUnits(tree: GuestTree): Service[] {
  const units = scan(tree);
  const instances = [...units.enabled].filter(
    (name) => !units.files.has(name) && units.files.has(templateOf(name) ?? name),
  );
  return [...units.files.keys(), ...instances].sort(byBytes).map((name) => {
    const file = units.files.get(name);
    return {
      ...text('name', name),
      kind: 'systemd',
      enabled: file === undefined ? 'enabled' : stateOf(tree, units, name, file),
      targets: [...(units.wantedBy.get(name) ?? [])].sort(byBytes).map(textOf),
    };
  });
}

function scan(tree: GuestTree): Units {
  const files = new Map<Name, UnitFile>();
  const wantedBy = new Map<Name, Set<Name>>();
  const enabled = new Set<Name>();
  const links = new Map<Name, Name[]>();
  const dropIns = new Map<Name, string[]>();
  const seen = new Set<Name>();
  for (const folder of unitPath) {
    const real = tree.resolve(folder);
    if (real === null || seen.has(real)) continue;
    seen.add(real);
    for (const { name, type } of tree.list(folder)) {
      const wants = /^(.+)\.(?:wants|requires)$/.exec(name)?.[1];
      if (wants !== undefined && type === 'directory') {
        for (const { name: service } of tree.list(`${folder}/${name}`)) {
          if (!isService(service)) continue;
          wantedBy.set(service, (wantedBy.get(service) ?? new Set()).add(part(wants)));
          if (folder === config) enabled.add(service);
        }
      } else if (type === 'directory' && name.endsWith('.service.d')) {
        const service = part(name.slice(0, -2));
        addTo(dropIns, service, `${folder}/${name}`);
      } else if (isService(name) && (type === 'file' || type === 'symlink') && !files.has(name)) {
        files.set(name, { folder, isLink: type === 'symlink' });
        const target = folder === config && type === 'symlink' ? targetOf(tree, folder, name) : null;
        if (target !== null && target !== name) addTo(links, target, name);
      }
    }
  }
  const instantiated = new Set([...enabled].flatMap((name) => templateOf(name) ?? []));
  return { files, wantedBy, enabled, instantiated, links, dropIns };
}

function isService(name: string): boolean {
  return name.endsWith('.service') && name.length > '.service'.length;
}

/** `getty@.service` of `getty@tty1.service`; null where the name is no instance. */
function templateOf(name: Name): Name | null {
  const prefix = /^([^@]+@).+\.service$/.exec(name)?.[1];
  return prefix === undefined ? null : part(`${prefix}.service`);
}

/** The order of the questions is that of systemd's own unit_file_lookup_state. */
function stateOf(tree: GuestTree, units: Units, name: Name, { folder, isLink }: UnitFile): string {
  const path = `${folder}/${name}`;
  const link = isLink ? tree.readlink(path) : null;
  if (link !== null && /^\/*dev\/+null$/.test(absolute(link, folder))) return 'masked';
  const stat = tree.stat(path);
  if (stat === null) return isLink ? 'not-found' : 'unknown';
  if (stat.size === 0) return 'masked';
  const target = link === null ? null : targetOf(tree, folder, name);
  if (target !== null && target !== name && templateOf(name) !== target) return 'alias';
  if (units.enabled.has(name)) return 'enabled';
  const install = readInstall(tree, units, name, path);
  if (install === null) return 'unknown';
  if (install.instances.some((instance) => units.enabled.has(instance))) return 'enabled';
  const links = units.links.get(name) ?? [];
  if (links.some((alias) => install.aliases.has(alias))) return 'enabled';
  if (target !== null && folder === config) return 'linked';
  if (links.length > 0 || units.instantiated.has(name)) return 'indirect';
  return install.rules ? 'disabled' : install.also ? 'indirect' : 'static';
}

/** The last step of a link's target: the unit that it stands for. */
function targetOf(tree: GuestTree, folder: string, name: Name): Name | null {
  const link = tree.readlink(`${folder}/${name}`);
  return link === null ? null : part(link.slice(link.lastIndexOf('/') + 1));
}

/** A link's target from the root on, without resolving anything: /dev is empty in an image. */
function absolute(link: Name, folder: string): string {
  if (link.startsWith('/')) return link;
  const steps = folder.split('/');
  for (const step of link.split('/')) {
    if (step === '..') steps.pop();
    else if (step !== '.' && step !== '') steps.push(step);
  }
  return steps.join('/');
}

type Install = {
  readonly rules: boolean;
  readonly also: boolean;
  readonly aliases: ReadonlySet<Name>;
  readonly instances: readonly Name[];
};

/** The [Install] sections of the unit and of its drop-ins; null when the unit cannot be read. */
function readInstall(tree: GuestTree, units: Units, name: Name, path: string): Install | null {
  // Most units have no [Install] section: no need to take their lines apart.
  const lines = tree.linesHolding('[Install]', path);
  if (lines === null) return null;
  for (const folder of units.dropIns.get(name) ?? []) {
    for (const { name: file } of tree.list(folder)) {
      if (file.endsWith('.conf')) addAll(lines, tree.lines(`${folder}/${file}`));
    }
  }
  const sections = parseIni(lines);
  const all = (key: string) => valuesOf(sections, 'Install', key).flatMap(words);
  const aliases = new Set(all('Alias'));
  const isTemplate = name.endsWith('@.service');
  const instance = all('DefaultInstance').at(-1);
  return {
    rules: aliases.size + all('WantedBy').length + all('RequiredBy').length > 0,
    also: all('Also').length > 0,
    aliases,
    instances:
      isTemplate && instance !== undefined ? [part(name.replace('@.service', `@${instance}.service`))] : [],
  };
}
