import type { Context } from '../context.ts';
import { ConflictError, NotFoundError, StorageError } from '../errors.ts';
import { requireJob, textOf } from './read.ts';

/** Results up to this many bytes come inline; larger ones by their URL only. */
export const INLINE_RESULT_LIMIT = 4 * 1024 * 1024;

export type JobResult = {
  /** The result document's JSON text, or null when it is too large or was not asked for. */
  readonly document: string | null;
  readonly download: {
    readonly url: string;
    readonly expires_at: string;
    readonly size_bytes: number;
    readonly sha256: string;
    readonly content_type: string;
  };
};

/**
 * The result of a finished job: the document's text and a presigned URL. A failed job's result is its
 * failure document. Throws a NotFoundError with `details.status` while the job is not finished and a
 * ConflictError when it was cancelled.
 */
export async function getResult(
  context: Context,
  jobId: string,
  { inline }: { inline: boolean },
): Promise<JobResult> {
  const record = await requireJob(context, jobId);
  if (record.status === 'Cancelled') {
    throw new ConflictError(`Job ${jobId} was cancelled and has no result`, { status: record.status });
  }
  const { result } = record;
  if (result === null) {
    throw new NotFoundError(`Job ${jobId} has no result yet`, { status: record.status });
  }
  const { url, expiresAt } = await context.objects.presignGet(result.key, {
    expiresInSeconds: context.settings.presignSeconds,
    filename: `${jobId}.json`,
    contentType: result.content_type,
  });
  const wanted = inline && result.size_bytes <= INLINE_RESULT_LIMIT;
  return {
    document: wanted ? await read(context, jobId, result.key) : null,
    download: {
      url,
      expires_at: new Date(expiresAt).toISOString(),
      size_bytes: result.size_bytes,
      sha256: result.sha256,
      content_type: result.content_type,
    },
  };
}

async function read(context: Context, jobId: string, key: string): Promise<string> {
  const stored = await context.objects.get(key);
  if (stored === null) throw new StorageError(`the result of job ${jobId} is gone (${key})`);
  return textOf(stored.body);
}
