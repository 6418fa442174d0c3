import { z } from 'zod';
import { cut } from './text.ts';

/** Every code a failed job may carry. */
export const jobErrorCodes = [
  'IMAGE_NOT_FOUND',
  'IMAGE_NOT_ALLOWED',
  'IMAGE_FORMAT_MISMATCH',
  'IMAGE_UNSUPPORTED',
  'IMAGE_CORRUPT',
  'IMAGE_CHECKSUM_MISMATCH',
  'IMAGE_CHANGED',
  'IMAGE_LOCKED',
  'IMAGE_UNREADABLE',
  'IMAGE_ENCRYPTED',
  'KEY_NOT_FOUND',
  'KEY_REJECTED',
  'LIMIT_EXCEEDED',
  'TIMEOUT',
  'READER_CRASHED',
  'OPERATION_FAILED',
  'DEADLINE_EXCEEDED',
  'CAPABILITY_MISMATCH',
  'WORKER_CRASHED',
  'CANCELLED',
  'STORAGE_ERROR',
] as const;
export type JobErrorCode = (typeof jobErrorCodes)[number];

export const jobPhases = [
  'validation',
  'opening',
  'reading',
  'inspecting',
  'uploading',
  'scheduling',
] as const;
export type JobPhase = (typeof jobPhases)[number];

/** Why a job failed, as stored and shown. `recoverable`: the same job may succeed when tried again. */
export const jobError = z.strictObject({
  code: z.enum(jobErrorCodes),
  message: z.string(),
  phase: z.enum(jobPhases),
  recoverable: z.boolean(),
  details: z.record(z.string(), z.json()),
});
export type JobError = z.infer<typeof jobError>;

const MESSAGE_LIMIT = 1024;
const DETAILS_LIMIT = 4096;

/**
 * The error as a record keeps it: message cut to 1 KiB, details dropped above 4 KiB, since every heartbeat
 * pays for the record. The failure's result document has it whole.
 */
export function bounded(error: JobError): JobError {
  const details =
    Buffer.byteLength(JSON.stringify(error.details)) <= DETAILS_LIMIT
      ? error.details
      : { dropped: 'see the result document' };
  return { ...error, message: cut(error.message, MESSAGE_LIMIT), details };
}
