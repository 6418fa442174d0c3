import type { Source } from '../device.ts';
import { defaultLimits } from '../limits.ts';
import type { Inspect } from './serve.ts';

/**
 * Inspects a small guest disk in memory, for nothing but having run: compiled code that has met its types takes
 * a quarter off the inspection that follows. An image that cannot be read warms less, and that is all.
 */
export function warm(inspect: Inspect, image: Uint8Array): void {
  const source: Source = {
    size: image.length,
    readInto: (to, offset) => to.set(image.subarray(offset, offset + to.length)),
    prefetch: () => {},
  };
  const include_all = {
    include_packages: true,
    include_services: true,
    include_users: true,
    include_network: true,
    include_storage: true,
  };
  try {
    inspect({ images: [{ format: null }], options: include_all, limits: defaultLimits }, [source], () => {});
  } catch {
    // Said above.
  }
}
