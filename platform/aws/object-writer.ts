import { createHash, type Hash, randomUUID } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { StorageError } from '../../core/errors.ts';
import { isNamed } from './errors.ts';

/** Bytes of the first thousand parts; each further thousand is of twice the size, so 10,000 parts hold 800 GiB. */
const PART = 8 * 1024 * 1024;
const PARTS_OF_ONE_SIZE = 1000;
const DOUBLINGS = 4;
const PARTS_MAX = 10_000;

/** A part's upload may take so long, in milliseconds. */
const UPLOAD_MS = 120_000;

export type Target = { readonly Bucket: string; readonly Key: string };

type Written = { readonly size: number; readonly sha256: string };

/**
 * Writes an object: at once where it is small, else by a multipart upload, part after part. It becomes visible
 * with the last call only; when the body throws, the upload is abandoned and nothing changes.
 */
export async function writeObject(
  s3: S3Client,
  target: Target,
  body: Uint8Array | AsyncIterable<Uint8Array>,
  contentType: string,
): Promise<Written> {
  const hash = createHash('sha256');
  const parts = partsOf(body instanceof Uint8Array ? [body] : body, hash);
  try {
    const first = await parts.next();
    const start = first.value ?? Buffer.alloc(0);
    const second = await parts.next();
    let size = start.length;
    if (second.value === undefined) {
      const command = new PutObjectCommand({ ...target, Body: start, ContentType: contentType });
      await s3.send(command, { requestTimeout: UPLOAD_MS });
    } else {
      size = await upload(s3, target, contentType, chain([start, second.value], parts));
    }
    return { size, sha256: hash.digest('hex') };
  } finally {
    // The source is let go of also when its bytes could not be stored.
    await parts.return(undefined);
  }
}

async function upload(
  s3: S3Client,
  target: Target,
  contentType: string,
  parts: AsyncIterable<Uint8Array>,
): Promise<number> {
  const token = randomUUID();
  const { UploadId } = await s3.send(
    new CreateMultipartUploadCommand({ ...target, ContentType: contentType, Metadata: { upload: token } }),
  );
  try {
    const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
    let size = 0;
    for await (const part of parts) {
      const PartNumber = Parts.length + 1;
      if (PartNumber > PARTS_MAX) {
        throw new StorageError(
          `the object ${target.Key} is too large: more than ${PARTS_MAX} parts, ${size} bytes`,
        );
      }
      const { ETag } = await s3.send(new UploadPartCommand({ ...target, UploadId, PartNumber, Body: part }), {
        requestTimeout: UPLOAD_MS,
      });
      Parts.push({ PartNumber, ETag });
      size += part.length;
    }
    await complete(
      s3,
      target,
      token,
      new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } }),
    );
    return size;
  } catch (error) {
    // Best effort: the bucket's lifecycle removes uploads that stay.
    await s3.send(new AbortMultipartUploadCommand({ ...target, UploadId })).catch(() => undefined);
    throw error;
  }
}

/** A completed upload is unknown: when our own reply was lost, the object that is there has our token. */
async function complete(
  s3: S3Client,
  target: Target,
  token: string,
  command: CompleteMultipartUploadCommand,
): Promise<void> {
  try {
    await s3.send(command, { requestTimeout: UPLOAD_MS });
  } catch (error) {
    if (!isNamed(error, 'NoSuchUpload')) throw error;
    const { Metadata: metadata } = await s3.send(new HeadObjectCommand(target));
    if (metadata?.upload !== token) throw error;
  }
}

/** The bytes in parts of the upload's sizes, the last one smaller; hashed as they pass. */
async function* partsOf(
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  hash: Hash,
): AsyncGenerator<Uint8Array, undefined> {
  let count = 0;
  let held: Uint8Array[] = [];
  let length = 0;
  for await (const piece of pieces) {
    hash.update(piece);
    let rest = piece;
    for (let wanted = partSize(count); length + rest.length >= wanted; wanted = partSize(count)) {
      held.push(rest.subarray(0, wanted - length));
      yield Buffer.concat(held);
      rest = rest.subarray(wanted - length);
      [count, held, length] = [count + 1, [], 0];
    }
    // A copy: whoever gave the piece may use its memory again.
    held.push(Uint8Array.from(rest));
    length += rest.length;
  }
  if (length > 0) yield Buffer.concat(held);
  return undefined;
}

function partSize(part: number): number {
  return PART * 2 ** Math.min(DOUBLINGS, Math.floor(part / PARTS_OF_ONE_SIZE));
}

async function* chain(
  first: readonly Uint8Array[],
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield* first;
  yield* rest;
}
