import type { InspectRequest } from '../../disk/inspection.ts';
import { defaultLimits } from '../../disk/limits.ts';

/** One image of any format, asked for everything. */
export const request: InspectRequest = {
  images: [{ format: null }],
  options: {
    include_packages: true,
    include_services: true,
    include_users: true,
    include_network: true,
    include_storage: true,
  },
  limits: defaultLimits,
};
