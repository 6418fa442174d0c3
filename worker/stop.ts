/** Why a running job is told to stop; the reason of its AbortSignal. */
export type StopReason = 'timeout' | 'cancel' | 'lease_lost' | 'drain';

export class StopError extends Error {
  readonly reason: StopReason;

  constructor(reason: StopReason) {
    super(`stopped: ${reason}`);
    this.name = 'StopError';
    this.reason = reason;
  }
}
