/**
 * The one vocabulary of what a worker may have and a job may require (constraints.required_capabilities and
 * required_features); the second dialect's capability names are part of it.
 */
export const features = [
  /** Our own readers: disk images and guest filesystems without root or mounts. */
  'disk_readers',
  /** The reader child runs in a network namespace of its own. */
  'network_isolation',
  'kvm',
  'libguestfs',
  'virt_v2v',
  'qemu_img',
  'bubblewrap',
  'lvm',
  'lvm_tools',
  'nbd',
  'nbd_access',
  'mount_operations',
] as const;

export type Feature = (typeof features)[number];
