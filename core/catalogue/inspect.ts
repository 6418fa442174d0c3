import { z } from 'zod';
import { ValidationError } from '../errors.ts';
import { inspectionResult } from '../result/inspection.ts';
import type { Operation } from './operation.ts';

/** Disk formats a job may name. When it names none, the content decides. */
export const diskFormats = ['raw', 'qcow2', 'vmdk', 'vdi', 'vhdx', 'vhd'] as const;

const checksum = z
  .string()
  .regex(/^(sha256:)?[0-9a-fA-F]{64}$/, 'must be "sha256:" and 64 hexadecimal digits, or the digits alone');

/** A disk image as a job names it. */
export const image = z.strictObject({
  /** Absolute path on the worker, inside its image roots. */
  path: z
    .string()
    .min(1)
    .max(4096)
    .refine(
      (path) => path.startsWith('/') || /^(s3|https|object):\/\//.test(path),
      'must be an absolute path',
    )
    .refine((path) => !path.includes('\0'), 'must not contain a NUL byte'),
  format: z.enum(diskFormats).optional(),
  /** SHA-256 of the stored file; no result is published unless it matches. */
  checksum: checksum.optional(),
  /** Size of the stored file in bytes; must match when given. */
  size_bytes: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
  read_only: z.boolean().default(true),
  allow_backing: z.boolean().default(false),
});
export type Image = z.infer<typeof image>;

const options = z.strictObject({
  include_packages: z.boolean().default(true),
  include_services: z.boolean().default(true),
  include_users: z.boolean().default(true),
  include_network: z.boolean().default(true),
  include_storage: z.boolean().default(true),
  /** Not built yet: true asked for by name is refused; left out, the section is absent with a warning. */
  include_security: z.boolean().optional(),
  include_databases: z.boolean().default(false),
  deep_scan: z.boolean().default(false),
});

export const inspectPayload = z.strictObject({
  image,
  /** Further images of the same machine. */
  disks: z.array(image).max(31).default([]),
  options: options.prefault({}),
  /** Secrets for encrypted volumes, by the name of a file or secret on the worker. */
  keys: z
    .array(z.strictObject({ volume: z.string().max(256).optional(), secret: z.string().min(1).max(256) }))
    .max(32)
    .default([]),
});
export type InspectPayload = z.infer<typeof inspectPayload>;

const unbuilt = ['include_security', 'include_databases', 'deep_scan'] as const;

/** `guestkit.inspect`: what is on a disk and in the guest on it. Changes nothing. */
export const guestkitInspect: Operation = {
  name: 'guestkit.inspect',
  payloadType: 'guestkit.inspect.v1',
  payload: inspectPayload,
  result: inspectionResult,
  features: ['disk_readers'],
  safeToRepeat: true,
  refine(data) {
    const { image, disks, options: asked, keys } = inspectPayload.parse(data);
    const refuse = (field: string, reason: string) => {
      throw new ValidationError(`payload.data.${field}`, reason, 'UNSUPPORTED_OPTION');
    };
    for (const option of unbuilt) {
      if (asked[option] === true) {
        refuse(`options.${option}`, 'is not supported yet; leave it out or set it to false');
      }
    }
    if (image.allow_backing) refuse('image.allow_backing', 'backing files are not read yet');
    for (const [n, disk] of disks.entries()) {
      if (disk.allow_backing) refuse(`disks[${n}].allow_backing`, 'backing files are not read yet');
    }
    if (keys.length > 0) refuse('keys', 'encrypted volumes are not read yet');
  },
};
