import { type Name, textOf } from '../../name.ts';
import { lastOf, parseIni, valuesOf } from '../ini.ts';
import { addAll, addTo, part, words } from '../text.ts';
import type { GuestTree } from '../tree.ts';
import { type Found, found } from './interface.ts';

/** Folders of systemd.network(5), highest first: a file hides those of its name in the folders after. */
const folders = [
  '/etc/systemd/network',
  '/usr/local/lib/systemd/network',
  '/usr/lib/systemd/network',
  '/lib/systemd/network',
];

/** The interfaces of systemd-networkd's .network files with their drop-ins, in the order they apply. */
export function readNetworkd(tree: GuestTree): Found[] {
  const files = new Map<Name, string>();
  const dropIns = new Map<Name, Name[]>();
  const seen = new Set<Name>();
  for (const folder of folders) {
    const real = tree.resolve(folder);
    if (real === null || seen.has(real)) continue;
    seen.add(real);
    for (const { name, type } of tree.list(folder)) {
      if (name.endsWith('.network.d') && type === 'directory') {
        const of = part(name.slice(0, -2));
        addTo(dropIns, of, part(`${folder}/${name}`));
      } else if (name.endsWith('.network') && !files.has(name)) {
        files.set(name, folder);
      }
    }
  }
  return [...files.keys()].sort().flatMap((name) => {
    const folder = files.get(name) ?? '';
    return read(tree, name, folder, dropIns.get(name) ?? []);
  });
}

function read(tree: GuestTree, name: Name, folder: string, dropIns: readonly Name[]): Found[] {
  const file = `${folder}/${name}`;
  const lines = tree.lines(file);
  for (const folder of dropIns) {
    for (const { name } of tree.list(folder)) {
      if (name.endsWith('.conf')) addAll(lines, tree.lines(`${folder}/${name}`));
    }
  }
  const ini = parseIni(lines);
  // An empty file, or a link to /dev/null, hides the file of that name that the distribution ships.
  if (ini.length === 0) return [];
  const names = valuesOf(ini, 'Match', 'Name').flatMap(words);
  // What the distribution ships are templates for containers and tunnels that may never exist, unless it names
  // one interface.
  const template =
    lastOf(ini, 'Match', 'Virtualization') !== null || !names.some((name) => !/[*?![]/.test(name));
  if (folder !== folders[0] && template) return [];
  const of = found(names.length === 0 ? null : names.map(textOf).join(' '), file);
  const mac = lastOf(ini, 'Link', 'MACAddress') ?? words(lastOf(ini, 'Match', 'MACAddress') ?? '')[0];
  of.mac = mac === undefined ? null : textOf(mac);
  const all = (section: string, key: string) => valuesOf(ini, section, key).flatMap(words).map(textOf);
  addAll(of.addresses, all('Network', 'Address'));
  addAll(of.addresses, all('Address', 'Address'));
  addAll(
    of.gateways,
    all('Network', 'Gateway').filter((gateway) => !gateway.startsWith('_')),
  );
  for (const section of ini.filter(({ name }) => name === 'Route')) {
    const to = lastOf([section], 'Route', 'Destination') ?? '0.0.0.0/0';
    if (['0.0.0.0/0', '::/0'].includes(to))
      addAll(of.gateways, valuesOf([section], 'Route', 'Gateway').map(textOf));
  }
  addAll(of.dns, all('Network', 'DNS'));
  addAll(
    of.search,
    all('Network', 'Domains').filter((domain) => !domain.startsWith('~')),
  );
  const dhcp = (lastOf(ini, 'Network', 'DHCP') ?? 'no').toLowerCase();
  if (['yes', 'true', '1', 'on', 'ipv4', 'ipv6', 'both', 'v4', 'v6'].includes(dhcp)) of.methods.push('dhcp');
  else if (of.addresses.length > 0) of.methods.push('static');
  else of.methods.push('manual');
  return [of];
}
