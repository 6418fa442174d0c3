import { textOf } from '../../name.ts';
import type { Network } from '../facts.ts';
import { parseIni, valuesOf } from '../ini.ts';
import { addAll, words } from '../text.ts';
import type { GuestTree } from '../tree.ts';
import type { Warnings } from '../warnings.ts';
import { readIfupdown } from './ifupdown.ts';
import { interfaceOf } from './interface.ts';
import { readNetplan } from './netplan.ts';
import { readNetworkd } from './networkd.ts';
import { readNetworkManager } from './networkmanager.ts';

/** Lines of /etc/hosts kept; block lists there have a hundred thousand. */
const maxHosts = 10_000;

/** systemd-resolved's own address: resolv.conf with it says nothing about the real servers. */
const stubs = new Set(['127.0.0.53', '127.0.0.54']);

/**
 * The network as configured: interfaces of ifupdown, netplan, systemd-networkd and NetworkManager; name servers
 * of resolv.conf, resolved.conf and those interfaces; the hosts file.
 */
export function readNetwork(tree: GuestTree, warnings: Warnings): Network {
  const all = [
    ...readIfupdown(tree),
    ...readNetplan(tree, warnings),
    ...readNetworkd(tree),
    ...readNetworkManager(tree),
  ];
  const servers: string[] = [];
  const search: string[] = [];
  for (const line of tree.lines('/etc/resolv.conf')) {
    const [keyword, ...values] = words(line).map(textOf);
    if (keyword === 'nameserver') addAll(servers, values.slice(0, 1));
    if (keyword === 'search' || keyword === 'domain') addAll(search, values);
  }
  const resolved = parseIni(tree.lines('/etc/systemd/resolved.conf'));
  addAll(servers, valuesOf(resolved, 'Resolve', 'DNS').flatMap(words).map(textOf));
  addAll(search, valuesOf(resolved, 'Resolve', 'Domains').flatMap(words).map(textOf));
  for (const of of all) {
    addAll(servers, of.dns);
    addAll(search, of.search);
  }
  return {
    interfaces: all.map(interfaceOf),
    dns: {
      servers: [...new Set(servers)].filter((server) => !stubs.has(server)),
      search: [...new Set(search)].filter((domain) => domain !== '.' && !domain.startsWith('~')),
    },
    hosts: readHosts(tree),
  };
}

function readHosts(tree: GuestTree): Network['hosts'] {
  const hosts: Network['hosts'] = [];
  for (const line of tree.lines('/etc/hosts')) {
    const [address, ...names] = words(line.split('#', 1)[0] ?? '').map(textOf);
    if (address === undefined || names.length === 0) continue;
    if (hosts.length >= maxHosts) break;
    hosts.push({ address, names });
  }
  return hosts;
}
