import type { FormatName } from './formats/format.ts';
import type { Limits } from './limits.ts';

/** What to look for; each section that is off is absent from the result. */
export type InspectOptions = {
  readonly include_packages: boolean;
  readonly include_services: boolean;
  readonly include_users: boolean;
  readonly include_network: boolean;
  readonly include_storage: boolean;
  /** Not built yet: what was not declined is said to be missing. */
  readonly include_security?: boolean | undefined;
};

/** One inspection of the disks of one machine, in the order of its sources. Plain JSON: it crosses a pipe. */
export type InspectRequest = {
  readonly images: readonly { readonly format: FormatName | null }[];
  readonly options: InspectOptions;
  readonly limits: Limits;
};

/** `percent` is 0 to 100 and never falls. */
export type Progress = {
  readonly phase: 'opening' | 'reading' | 'inspecting';
  readonly percent: number;
  readonly message: string;
};

export type Report = (progress: Progress) => void;
