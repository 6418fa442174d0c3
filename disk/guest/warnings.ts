import { endsInspection } from '../ends-inspection.ts';
import { DiskError } from '../error.ts';
import type { Warning } from './facts.ts';

/** More warnings than this are one: a guest with a million bad files must not make a result of a million lines. */
const maxWarnings = 1000;

/** What the inspection could not do, each thing once, in the order it was met. */
export class Warnings {
  readonly #found: Warning[] = [];
  readonly #seen = new Set<string>();
  #left = 0;

  /** `where` names the file, the volume or the disk. The same code at the same place counts once. */
  add(code: string, message: string, where: string): void {
    const key = JSON.stringify([code, where]);
    if (this.#seen.has(key)) return;
    if (this.#found.length >= maxWarnings) {
      this.#left++;
      return;
    }
    this.#seen.add(key);
    this.#found.push({ code, message, where });
  }

  /**
   * What `look` gives, or null and a warning FILE_UNREADABLE when the place it looks at is damaged, uses an
   * unsupported feature or is past a limit: one bad file does not end the inspection.
   * @throws DiskError that ends it: see {@link endsInspection}
   */
  attempt<T>(where: string, look: () => T): T | null {
    try {
      return look();
    } catch (error) {
      this.unreadable(where, error);
      return null;
    }
  }

  /** Turns what was thrown into the warning of {@link attempt}, or throws it again. */
  unreadable(where: string, error: unknown): void {
    if (!(error instanceof DiskError) || endsInspection(error)) throw error;
    this.add('FILE_UNREADABLE', error.message, where);
  }

  list(): Warning[] {
    if (this.#left === 0) return [...this.#found];
    const message = `${this.#left} more warnings are left out`;
    return [...this.#found, { code: 'WARNINGS_LEFT_OUT', message, where: 'warnings' }];
  }
}
