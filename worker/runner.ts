import type { Context } from '../core/context.ts';
import { StorageError } from '../core/errors.ts';
import type { JobDocument } from '../core/job/document.ts';
import type { JobError } from '../core/job/error.ts';
import { CancelRequestedError, type HeldJob, LeaseLostError } from '../core/use-cases/held-job.ts';
import { Heartbeat } from './heartbeat.ts';
import { OperationError, type OperationRunner } from './operations/operation.ts';
import { StopError, type StopReason } from './stop.ts';

/**
 * Runs a claimed job to one of its ends: completed, failed, handed back, stopped, or given up because the
 * lease was lost (then nothing more is written). Never throws.
 *
 * @param draining aborts when the worker can wait no longer; the job is handed back then
 * @param renewed called after each renewal of the lease
 */
export async function runJob(
  context: Context,
  { job, document }: { job: HeldJob; document: JobDocument },
  operation: OperationRunner,
  { draining, renewed }: { draining: AbortSignal; renewed: () => void },
): Promise<void> {
  const { log, settings } = context;
  const { job_id, timeout_seconds } = job.record;
  const controller = new AbortController();
  const stop = (reason: StopReason) => controller.abort(new StopError(reason));
  const onDrain = () => stop('drain');
  const heartbeat = new Heartbeat({ job, leaseMs: settings.leaseMs, renewed, stop, log });
  const timeout = setTimeout(() => stop('timeout'), timeout_seconds * 1000);
  draining.addEventListener('abort', onDrain, { once: true });
  if (draining.aborted) onDrain();
  try {
    // The operation need not wait until its start is stored; a start that is refused stops it.
    const started = job.start();
    started.catch((error: unknown) => controller.abort(error));
    const result = await operation({
      document,
      signal: controller.signal,
      progress: (progress) => heartbeat.progress(progress),
    });
    // What was stopped has no result, whatever it still returned.
    controller.signal.throwIfAborted();
    // The lease is kept while the result is uploaded; that may take longer than a lease.
    await job.complete(result);
    await heartbeat.end();
    log({ level: 'info', message: 'job completed', job_id });
  } catch (error) {
    const ended = heartbeat.end();
    // A store that fell silent would keep the heartbeat, and with it the job's place, for ever.
    if (!leaseLost(controller.signal.reason)) await ended;
    const cause = controller.signal.aborted ? controller.signal.reason : error;
    await conclude(context, job, cause);
  } finally {
    clearTimeout(timeout);
    draining.removeEventListener('abort', onDrain);
  }
}

/** Ends the attempt the way its error asks for; what cannot be written is left to the lease's end. */
async function conclude({ log }: Context, job: HeldJob, cause: unknown): Promise<void> {
  const { job_id } = job.record;
  try {
    if (leaseLost(cause)) {
      log({ level: 'warn', message: 'lease lost; the job is left alone', job_id });
    } else if (
      cause instanceof CancelRequestedError ||
      (cause instanceof StopError && cause.reason === 'cancel')
    ) {
      await job.stop();
      log({ level: 'info', message: 'job cancelled', job_id });
    } else if (cause instanceof StopError && cause.reason === 'drain') {
      await job.handBack('the worker is stopping');
      log({ level: 'info', message: 'job handed back', job_id });
    } else {
      const error = jobErrorOf(cause, job.record.timeout_seconds);
      if (error.code === 'OPERATION_FAILED' && !(cause instanceof OperationError)) {
        log({ level: 'error', message: 'an operation failed unexpectedly', job_id, error: cause });
      }
      const { status } = await job.fail(error);
      log({ level: 'info', message: 'job failed', job_id, code: error.code, status });
    }
  } catch (error) {
    log({ level: 'error', message: "a job's end could not be written", job_id, error });
  }
}

function leaseLost(cause: unknown): boolean {
  return cause instanceof LeaseLostError || (cause instanceof StopError && cause.reason === 'lease_lost');
}

function jobErrorOf(cause: unknown, timeoutSeconds: number): JobError {
  if (cause instanceof OperationError) return cause.error;
  const base = { phase: 'inspecting', recoverable: false, details: {} } as const;
  if (cause instanceof StopError) {
    const message = `the job ran longer than its ${timeoutSeconds} s`;
    return { ...base, code: 'TIMEOUT', message, details: { timeout_seconds: timeoutSeconds } };
  }
  if (cause instanceof StorageError) {
    return { ...base, code: 'STORAGE_ERROR', message: cause.message, phase: 'uploading', recoverable: true };
  }
  // The text of an unexpected error may hold anything: it goes to the log, not to the user.
  return {
    ...base,
    code: 'OPERATION_FAILED',
    message: 'the operation failed unexpectedly; see the worker log',
  };
}
