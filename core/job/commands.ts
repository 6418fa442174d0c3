import type { JobError } from './error.ts';
import type { JobProgress, JobRecord, ResultReference } from './record.ts';

/**
 * Everything that may be asked of a job. `now` and every other time is the store's, in milliseconds. A
 * command that carries `lease_id` comes from the worker that holds the job, and from nobody else.
 */
export type Command = { readonly now: number } & (
  | { readonly type: 'release' }
  | { readonly type: 'sent' }
  | { readonly type: 'wait'; readonly waiting_for: string }
  | {
      readonly type: 'claim';
      readonly worker_id: string;
      readonly lease_id: string;
      readonly lease_ends_at: number;
    }
  | { readonly type: 'start'; readonly lease_id: string }
  | {
      readonly type: 'heartbeat';
      readonly lease_id: string;
      readonly lease_ends_at: number;
      readonly progress: JobProgress | null;
    }
  | { readonly type: 'complete'; readonly lease_id: string; readonly result: ResultReference }
  | {
      readonly type: 'fail';
      readonly lease_id: string;
      readonly error: JobError;
      /** When a retry may start, should there be one. */
      readonly retry_at: number;
    }
  | { readonly type: 'hand_back'; readonly lease_id: string; readonly reason: string }
  | { readonly type: 'stop'; readonly lease_id: string }
  | { readonly type: 'cancel' }
  | { readonly type: 'expire_lease'; readonly max_crashes: number }
  | { readonly type: 'expire_deadline' }
  | { readonly type: 'retry' }
);

/** Why a command does not apply to the job as it is. */
export type Refusal =
  | 'terminal'
  | 'not_terminal'
  | 'not_held'
  | 'held'
  | 'not_pending'
  | 'not_claimed'
  | 'not_before'
  | 'deadline_passed'
  | 'deadline_ahead'
  | 'lease_lost'
  | 'lease_live'
  | 'cancel_requested'
  | 'cancel_not_requested'
  | 'not_cancellable'
  | 'not_failed';

export type Decision =
  | { readonly ok: true; readonly record: JobRecord }
  | { readonly ok: false; readonly refusal: Refusal };
