import { z } from 'zod';

const bytes = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const base64 = z.base64().optional();
const text = z.string();
const orNull = text.nullable();

/** The bytes of a text of the guest that is not UTF-8 stand beside it, in `<field>_base64`. */
const operatingSystem = z.strictObject({
  type: text,
  distribution: orNull,
  distribution_base64: base64,
  product_name: orNull,
  product_name_base64: base64,
  version: orNull,
  version_base64: base64,
  codename: orNull,
  codename_base64: base64,
  hostname: orNull,
  hostname_base64: base64,
  arch: orNull,
  kernel: orNull,
  init: orNull,
  timezone: orNull,
  /** Device name as in `storage`. */
  root: text,
});

const packages = z.strictObject({
  /** Null when a package database could not be read whole, or may lie where nothing could be read. */
  count: z.number().int().nullable(),
  manager: orNull,
  packages: z.array(text),
  details: z.array(
    z.strictObject({
      name: text,
      name_base64: base64,
      version: orNull,
      version_base64: base64,
      release: orNull.optional(),
      epoch: orNull.optional(),
      arch: orNull,
      source: orNull.optional(),
      installed_at: orNull.optional(),
    }),
  ),
});

const services = z.strictObject({
  count: z.number().int(),
  services: z.array(
    z.strictObject({
      name: text,
      name_base64: base64,
      kind: z.enum(['systemd', 'sysv', 'openrc', 'windows']),
      enabled: text,
      targets: z.array(text),
    }),
  ),
});

const users = z.strictObject({
  users: z.array(
    z.strictObject({
      name: text,
      name_base64: base64,
      uid: z.number(),
      gid: z.number(),
      home: text,
      home_base64: base64,
      shell: text,
      shell_base64: base64,
      gecos: text,
      gecos_base64: base64,
      locked: z.boolean().nullable(),
      groups: z.array(text),
    }),
  ),
  groups: z.array(
    z.strictObject({ name: text, name_base64: base64, gid: z.number(), members: z.array(text) }),
  ),
});

const network = z.strictObject({
  interfaces: z.array(
    z.strictObject({
      name: orNull,
      mac: orNull,
      method: orNull,
      addresses: z.array(text),
      gateway: orNull,
      dns: z.array(text),
      source: text,
    }),
  ),
  dns: z.strictObject({ servers: z.array(text), search: z.array(text) }),
  hosts: z.array(z.strictObject({ address: text, names: z.array(text) })),
});

const mount = z.strictObject({
  spec: text,
  spec_base64: base64,
  device: orNull,
  mount_point: text,
  mount_point_base64: base64,
  type: text,
  options: z.array(text),
  dump: z.number(),
  pass: z.number(),
});

const kernel = z.strictObject({
  version: text,
  version_base64: base64,
  image: orNull,
  initramfs: orNull,
  modules: z.boolean(),
});

const filesystem = z.strictObject({
  type: text,
  label: orNull,
  label_base64: base64,
  uuid: orNull,
  block_size: bytes.nullable(),
  size_bytes: bytes.nullable(),
  used_bytes: bytes.nullable(),
  features: z.array(text),
  state: z.enum(['clean', 'replayed', 'dirty_read_as_is']).nullable(),
});

const storage = z.strictObject({
  disks: z.array(
    z.strictObject({
      image: z.number().int(),
      table: z.enum(['gpt', 'mbr', 'none']),
      sector_size: z.number(),
    }),
  ),
  devices: z
    .array(
      z.strictObject({
        id: text,
        name: text,
        kind: z.enum(['partition', 'lv', 'md', 'luks', 'subvolume', 'disk']),
        start_bytes: bytes.nullable(),
        size_bytes: bytes,
        type: orNull,
        uuid: orNull,
        label: orNull,
        label_base64: base64,
        flags: z.array(text),
        filesystem: filesystem.nullable(),
        status: z.enum(['read', 'recognised', 'skipped', 'damaged']),
        reason: orNull,
      }),
    )
    .optional(),
});

/**
 * The result document of guestkit.inspect, version 1.0. Unknown is null, a section that was not asked for is
 * absent, an empty list means that nothing was found where it was looked for. Sizes and offsets are bytes.
 */
export const inspectionResult = z.strictObject({
  version: z.literal('1.0'),
  image: z.strictObject({
    path: text,
    format: text,
    virtual_size_bytes: bytes,
    size_bytes: bytes,
    /** Of the stored file, when the job gave a checksum and it matched. */
    sha256: text.optional(),
  }),
  operating_system: operatingSystem.nullable(),
  operating_systems: z.array(operatingSystem),
  packages: packages.optional(),
  services: services.optional(),
  users: users.optional(),
  network: network.optional(),
  mounts: z.array(mount),
  kernels: z.array(kernel),
  storage,
  warnings: z.array(z.strictObject({ code: text, message: text, where: text })),
  statistics: z.strictObject({
    bytes_read: bytes,
    reads: bytes,
    /** Most resident memory that the reader child was seen to have. */
    peak_memory_bytes: bytes,
    duration_ms: z.record(text, z.number()),
  }),
});
export type InspectionResult = z.infer<typeof inspectionResult>;
