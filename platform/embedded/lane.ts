import type { Lane } from '../../core/ports.ts';

/** A lane as the tables name it. */
export function laneName({ pool, band }: Lane): string {
  return `${pool}/${band}`;
}
