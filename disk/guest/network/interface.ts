import { textOf } from '../../name.ts';
import type { Interface } from '../facts.ts';
import { decimal, part } from '../text.ts';

/** What the readers of the various configuration formats gather of one interface. */
export type Found = {
  name: string | null;
  mac: string | null;
  /** One for each address family configured; the first that says more than "none" names the method. */
  methods: string[];
  addresses: string[];
  gateways: string[];
  dns: string[];
  search: string[];
  source: string;
};

export function found(name: string | null, source: string): Found {
  return {
    name,
    mac: null,
    methods: [],
    addresses: [],
    gateways: [],
    dns: [],
    search: [],
    source: textOf(part(source)),
  };
}

/** Says most first: an interface with DHCP for IPv4 and nothing for IPv6 is a DHCP interface. */
const order = ['dhcp', 'static', 'ppp', 'tunnel', 'loopback', 'auto', 'manual', 'disabled'];

export function interfaceOf(of: Found): Interface {
  const methods = of.methods.toSorted((a, b) => rank(a) - rank(b));
  return {
    name: of.name,
    mac: of.mac?.toLowerCase() ?? null,
    method: methods[0] ?? (of.addresses.length > 0 ? 'static' : null),
    addresses: [...new Set(of.addresses)],
    gateway: of.gateways[0] ?? null,
    dns: [...new Set(of.dns)],
    source: of.source,
  };
}

function rank(method: string): number {
  const at = order.indexOf(method);
  return at < 0 ? order.length : at;
}

/** The prefix length of an IPv4 netmask (`255.255.255.0` → 24) or of its number as text; null where it is none. */
export function prefixOf(netmask: string): number | null {
  const number = decimal(netmask, 128);
  if (number !== null) return number;
  const bytes = netmask.split('.').map((byte) => decimal(byte, 255));
  if (bytes.length !== 4) return null;
  let bits = '';
  for (const byte of bytes) {
    if (byte === null) return null;
    bits += byte.toString(2).padStart(8, '0');
  }
  return /^1*0*$/.test(bits) ? bits.lastIndexOf('1') + 1 : null;
}
