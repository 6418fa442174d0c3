import { type Name, textOf } from '../../name.ts';
import { addAll, part } from '../text.ts';
import type { GuestTree } from '../tree.ts';
import type { Warnings } from '../warnings.ts';
import { at, parseYaml, type Yaml, YamlError } from '../yaml.ts';
import { type Found, found } from './interface.ts';

const kinds = ['ethernets', 'wifis', 'bonds', 'bridges', 'vlans', 'tunnels', 'dummy-devices', 'modems'];

/** Folders in the order of netplan(5): a file hides those of its name in the folders before. */
const folders = ['/usr/lib/netplan', '/etc/netplan'];

/** The interfaces of netplan's YAML; a later file overrides what an earlier one says of the same interface. */
export function readNetplan(tree: GuestTree, warnings: Warnings): Found[] {
  const files = new Map<Name, Name>();
  for (const folder of folders) {
    for (const { name } of tree.list(folder)) {
      if (name.endsWith('.yaml') && !name.startsWith('.')) files.set(name, part(`${folder}/${name}`));
    }
  }
  const interfaces = new Map<Name, Found>();
  for (const name of [...files.keys()].sort()) {
    const file = files.get(name);
    if (file === undefined) continue;
    const network = at(parsed(tree, file, warnings), 'network');
    for (const kind of kinds) {
      for (const [id, settings] of entriesOf(at(network, kind))) {
        const known = interfaces.get(id);
        interfaces.set(id, overlay(known, read(id, settings, file)));
      }
    }
  }
  return [...interfaces.values()];
}

function parsed(tree: GuestTree, file: Name, warnings: Warnings): Yaml {
  try {
    return parseYaml(tree.lines(file));
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    warnings.add('CONFIGURATION_NOT_READ', error.message, textOf(file));
    return null;
  }
}

function overlay(below: Found | undefined, above: Found): Found {
  if (below === undefined) return above;
  return {
    name: above.name ?? below.name,
    mac: above.mac ?? below.mac,
    methods: above.methods.length > 0 ? above.methods : below.methods,
    addresses: [...below.addresses, ...above.addresses],
    gateways: [...above.gateways, ...below.gateways],
    dns: [...below.dns, ...above.dns],
    search: [...below.search, ...above.search],
    source: above.source,
  };
}

function read(id: Name, settings: Yaml, file: Name): Found {
  const match = at(settings, 'match');
  // With `match` the key is a name of the file's own; `set-name` or the matched name is the interface's.
  const name = match === null ? id : (scalar(at(settings, 'set-name')) ?? scalar(at(match, 'name')) ?? id);
  const of = found(textOf(part(name)), file);
  of.mac = plainText(at(settings, 'macaddress')) ?? plainText(at(match, 'macaddress'));
  for (const address of itemsOf(at(settings, 'addresses'))) {
    // An address with options is a mapping of one key.
    const [options] = entriesOf(address);
    addAll(of.addresses, textsOf(options === undefined ? address : options[0]));
  }
  if (isTrue(at(settings, 'dhcp4')) || isTrue(at(settings, 'dhcp6'))) of.methods.push('dhcp');
  else if (of.addresses.length > 0) of.methods.push('static');
  else if (at(settings, 'dhcp4') !== null) of.methods.push('manual');
  addAll(of.gateways, textsOf(at(settings, 'gateway4')));
  addAll(of.gateways, textsOf(at(settings, 'gateway6')));
  for (const route of itemsOf(at(settings, 'routes'))) {
    if (['default', '0.0.0.0/0', '::/0'].includes(scalar(at(route, 'to')) ?? '')) {
      addAll(of.gateways, textsOf(at(route, 'via')));
    }
  }
  const nameservers = at(settings, 'nameservers');
  addAll(of.dns, itemsOf(at(nameservers, 'addresses')).flatMap(textsOf));
  addAll(of.search, itemsOf(at(nameservers, 'search')).flatMap(textsOf));
  return of;
}

function entriesOf(value: Yaml): (readonly [Name, Yaml])[] {
  return value instanceof Map ? [...value] : [];
}

function itemsOf(value: Yaml): readonly Yaml[] {
  return Array.isArray(value) ? value : [];
}

function scalar(value: Yaml): Name | null {
  return typeof value === 'string' ? value : null;
}

function plainText(value: Yaml): string | null {
  return typeof value === 'string' ? textOf(value) : null;
}

function textsOf(value: Yaml): string[] {
  return typeof value === 'string' ? [textOf(value)] : [];
}

function isTrue(value: Yaml): boolean {
  return typeof value === 'string' && /^(?:true|yes|on|y)$/i.test(value);
}
