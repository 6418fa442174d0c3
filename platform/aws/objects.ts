import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  ListObjectsV2Command,
  type S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { attachment } from '../../core/content-disposition.ts';
import { StorageError } from '../../core/errors.ts';
import { requireObjectKey } from '../../core/object-key.ts';
import { LIFETIME_LIMIT, requireLifetime } from '../../core/port-limits.ts';
import type { ByteRange, ObjectInfo, ObjectStore, Page } from '../../core/ports.ts';
import { isNamed } from './errors.ts';
import { readBody } from './object-reader.ts';
import { writeObject } from './object-writer.ts';
import type { TableTokens } from './table-tokens.ts';

/** S3 gives so many keys at a time. */
const LIST_MAX = 1000;

/**
 * Objects in one bucket. Whoever reads needs s3:ListBucket beside s3:GetObject: without it S3 says of an object
 * that is not there that it is denied.
 */
export class AwsObjectStore implements ObjectStore {
  readonly #s3: S3Client;
  readonly #signer: S3Client;
  readonly #bucket: string;
  readonly #tokens: TableTokens;
  readonly #clock: () => number;

  /** @param signer signs for the endpoint that clients reach */
  constructor(s3: S3Client, signer: S3Client, bucket: string, tokens: TableTokens, clock: () => number) {
    this.#s3 = s3;
    this.#signer = signer;
    this.#bucket = bucket;
    this.#tokens = tokens;
    this.#clock = clock;
  }

  async put(
    key: string,
    body: Uint8Array | AsyncIterable<Uint8Array>,
    { contentType }: { contentType: string },
  ): Promise<{ readonly size: number; readonly sha256: string }> {
    return writeObject(this.#s3, this.#target(key), body, contentType);
  }

  async get(
    key: string,
    range?: ByteRange,
  ): Promise<{ readonly info: ObjectInfo; readonly body: AsyncIterable<Uint8Array> } | null> {
    const target = this.#target(key);
    // S3 takes a range that makes no sense for none, and would send the whole object.
    if (range !== undefined && !(range.start >= 0 && range.start <= (range.end ?? range.start))) {
      throw new RangeError(`a range is from a byte on, asked for ${range.start} to ${range.end}`);
    }
    const whole = range === undefined || (range.start === 0 && range.end === undefined);
    try {
      const Range = whole ? undefined : `bytes=${range.start}-${range.end ?? ''}`;
      const reply = await this.#s3.send(new GetObjectCommand({ ...target, Range }));
      return { info: infoOf(key, reply, sizeOf(reply)), body: await readBody(key, reply) };
    } catch (error) {
      if (isNamed(error, 'NoSuchKey', 'NotFound')) return null;
      if (!isNamed(error, 'InvalidRange', 'RequestedRangeNotSatisfiable')) throw error;
      // All of an empty object is a range of it; any other that begins at or past the end is none.
      if (range?.start === 0) return this.get(key);
      throw new RangeError(`the object ${key} ends before byte ${range?.start}`, { cause: error });
    }
  }

  async head(key: string): Promise<ObjectInfo | null> {
    const target = this.#target(key);
    try {
      const reply = await this.#s3.send(new HeadObjectCommand(target));
      return infoOf(key, reply, reply.ContentLength);
    } catch (error) {
      if (isNamed(error, 'NotFound', 'NoSuchKey')) return null;
      throw error;
    }
  }

  /** Never past the end of the credentials that sign: S3 would refuse the URL from then on. */
  async presignGet(
    key: string,
    {
      expiresInSeconds,
      filename,
      contentType,
    }: { expiresInSeconds: number; filename: string; contentType: string },
  ): Promise<{ readonly url: string; readonly expiresAt: number }> {
    const target = this.#target(key);
    requireLifetime(expiresInSeconds);
    const { expiration } = await this.#signer.config.credentials();
    // A signature's date has whole seconds: one more, or the URL would end within the last second asked for.
    const signedAt = Math.floor(this.#clock() / 1000);
    const left =
      expiration === undefined ? LIFETIME_LIMIT : Math.floor(expiration.getTime() / 1000) - signedAt;
    const expiresIn = Math.min(Math.ceil(expiresInSeconds) + 1, LIFETIME_LIMIT, left);
    if (expiresIn < 1) {
      throw new StorageError(`no URL can be signed: the credentials ended at ${expiration?.toISOString()}`);
    }
    const command = new GetObjectCommand({
      ...target,
      ResponseContentDisposition: attachment(filename),
      ResponseContentType: contentType,
      ResponseCacheControl: 'private, no-store',
    });
    const signingDate = new Date(signedAt * 1000);
    const url = await getSignedUrl(this.#signer, command, { expiresIn, signingDate });
    return { url, expiresAt: (signedAt + expiresIn) * 1000 };
  }

  /**
   * S3's lists have no content type: each object is looked at for it. Keys with control characters, which we
   * never make, are not listed right: XML cannot carry them. (EncodingType would, but LocalStack 4.14.0 then
   * compares the encoded keys with StartAfter, and leaves some out.)
   */
  async list(prefix: string, limit: number, pageToken: string | null): Promise<Page<ObjectInfo>> {
    const list = `objects ${prefix}`;
    const tokens = await this.#tokens.get();
    const reply = await this.#s3.send(
      new ListObjectsV2Command({
        Bucket: this.#bucket,
        Prefix: prefix,
        MaxKeys: Math.min(LIST_MAX, limit),
        StartAfter: pageToken === null ? undefined : String(tokens.open(list, pageToken)[0]),
      }),
    );
    const keys = (reply.Contents ?? []).map(({ Key = '' }) => Key);
    const last = keys.at(-1);
    const infos = await Promise.all(keys.map((key) => this.head(key)));
    return {
      items: infos.flatMap((info) => info ?? []),
      next: reply.IsTruncated === true && last !== undefined ? tokens.seal(list, [last]) : null,
    };
  }

  async delete(key: string): Promise<void> {
    await this.#s3.send(new DeleteObjectCommand(this.#target(key)));
  }

  #target(key: string) {
    requireObjectKey(key);
    return { Bucket: this.#bucket, Key: key };
  }
}

type Facts = Pick<GetObjectCommandOutput, 'ETag' | 'ContentType' | 'LastModified'>;

function infoOf(
  key: string,
  { ETag, ContentType, LastModified }: Facts,
  size: number | undefined,
): ObjectInfo {
  if (ETag === undefined || LastModified === undefined || size === undefined) {
    throw new StorageError(`S3 gave no size, ETag or date of the object ${key}`);
  }
  return {
    key,
    size,
    etag: ETag,
    contentType: ContentType ?? 'application/octet-stream',
    modifiedAt: LastModified.getTime(),
  };
}

/** The whole object's size: a part's reply has it behind the slash of `bytes 0-9/1000`. */
function sizeOf({ ContentRange, ContentLength }: GetObjectCommandOutput): number | undefined {
  const total = ContentRange?.split('/')[1];
  return total === undefined ? ContentLength : Number(total);
}
