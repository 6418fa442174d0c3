import { textOf } from '../../name.ts';
import { type IniSection, lastOf, parseIni } from '../ini.ts';
import { addAll, part, plain } from '../text.ts';
import type { GuestTree } from '../tree.ts';
import { type Found, found } from './interface.ts';

const folders = ['/etc/NetworkManager/system-connections', '/usr/lib/NetworkManager/system-connections'];

/** The names that NetworkManager has for what others call dhcp and static. */
const methods: ReadonlyMap<string, string> = new Map([
  ['auto', 'dhcp'],
  ['manual', 'static'],
  ['link-local', 'manual'],
  ['shared', 'static'],
  ['ignore', 'disabled'],
]);

/**
 * The interfaces of NetworkManager's keyfiles (nm-settings-keyfile(5)), with or without the suffix
 * `.nmconnection`. A profile bound to no interface goes by its id. Secrets in these files are never looked at.
 */
export function readNetworkManager(tree: GuestTree): Found[] {
  return folders.flatMap((folder) =>
    tree.list(folder).flatMap(({ name, type }) => {
      if (name.startsWith('.') || type !== 'file') return [];
      const file = `${folder}/${name}`;
      const ini = parseIni(tree.lines(file));
      return lastOf(ini, 'connection', 'type') === null ? [] : [read(file, ini)];
    }),
  );
}

function read(file: string, ini: readonly IniSection[]): Found {
  const value = (section: string, key: string) => plain(lastOf(ini, section, key));
  const of = found(value('connection', 'interface-name') ?? value('connection', 'id'), file);
  of.mac =
    value('ethernet', 'cloned-mac-address') ??
    value('ethernet', 'mac-address') ??
    value('802-3-ethernet', 'mac-address') ??
    value('wifi', 'mac-address');
  for (const family of ['ipv4', 'ipv6']) {
    const method = value(family, 'method');
    // IPv6 "auto" is the default of every profile and says nothing beside an IPv4 method.
    if (method !== null)
      of.methods.push(family === 'ipv6' && method === 'auto' ? 'auto' : (methods.get(method) ?? method));
    for (const { name, entries } of ini) {
      if (name !== family) continue;
      for (const [key, entry] of entries) option(of, key, textOf(part(entry)));
    }
  }
  return of;
}

/** `address1=192.0.2.5/24,192.0.2.1`, in old files `;` ends each list item. */
function option(of: Found, key: string, value: string): void {
  const items = value.split(/[;,]/).flatMap((item) => (item.trim() === '' ? [] : [item.trim()]));
  if (/^address(?:es)?[0-9]*$/.test(key)) {
    const [address, gateway] = items;
    if (address !== undefined) of.addresses.push(address);
    if (gateway !== undefined) of.gateways.push(gateway);
  } else if (key === 'gateway') {
    of.gateways.push(value);
  } else if (key === 'dns') {
    addAll(of.dns, items);
  } else if (key === 'dns-search') {
    addAll(of.search, items);
  }
}
