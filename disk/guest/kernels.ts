import type { Name } from '../name.ts';
import type { Kernel } from './facts.ts';
import { part, plain, text } from './text.ts';
import type { GuestTree } from './tree.ts';
import { compareKernels } from './version.ts';

const image = /^(?:vmlinuz|vmlinux|kernel|Image)-([0-9].*)$/;
const initramfs = /^(?:initrd\.img-([0-9].*)|initramfs-([0-9].*)\.img|initrd-([0-9].*))$/;

/** More kernels than this are none: putting names made for it in order would take minutes. */
const maxKernels = 1000;

/**
 * Installed kernels, newest first: those with an image in /boot (`vmlinuz-6.1.0-18-amd64`) or a folder in
 * /lib/modules. Names without a version (`vmlinuz`, `vmlinuz-linux`) are links or say nothing.
 */
export function readKernels(tree: GuestTree): Kernel[] {
  const images = new Map<Name, Name>();
  const initramfses = new Map<Name, Name>();
  for (const { name } of tree.list('/boot')) {
    const kernel = image.exec(name)?.[1];
    if (kernel !== undefined) images.set(part(kernel), part(`/boot/${name}`));
    const [, ...versions] = initramfs.exec(name) ?? [];
    const version = versions.find((version) => version !== undefined);
    if (version !== undefined) initramfses.set(part(version), part(`/boot/${name}`));
  }
  const modules = new Set<Name>();
  for (const { name, type } of tree.list('/lib/modules')) {
    if (type !== 'directory' || !/^[0-9]/.test(name)) continue;
    modules.add(name);
    const beside = part(`/usr/lib/modules/${name}/vmlinuz`);
    if (!images.has(name) && tree.type(beside) === 'file') images.set(name, beside);
  }
  return [...new Set([...images.keys(), ...modules])]
    .slice(0, maxKernels)
    .sort((a, b) => compareKernels(b, a))
    .map((version) => ({
      ...text('version', version),
      image: plain(images.get(version)),
      initramfs: plain(initramfses.get(version)),
      modules: modules.has(version),
    }));
}
