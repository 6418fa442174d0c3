import {
  type BucketLocationConstraint,
  CreateBucketCommand,
  HeadBucketCommand,
  PutBucketCorsCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutPublicAccessBlockCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { StorageError } from '../../core/errors.ts';
import { isNamed } from './errors.ts';
import type { BucketResource, LifecycleRule } from './resources.ts';
import { unlessUnbuilt } from './unbuilt.ts';

/** Makes the bucket where there is none, and sets who may see it, its encryption, lifecycle and CORS. */
export async function provisionBucket(
  s3: S3Client,
  bucket: BucketResource,
  note: (line: string) => void,
): Promise<void> {
  const Bucket = bucket.name;
  const made = await create(s3, Bucket);
  note(`bucket ${Bucket}: ${made ? 'made' : 'is there'}`);
  const step = (what: string, call: () => Promise<unknown>) =>
    unlessUnbuilt(s3, `bucket ${Bucket}: ${what}`, note, call);

  // One after another: S3 refuses changes of a bucket's settings at the same time.
  await step('block public access', () =>
    s3.send(
      new PutPublicAccessBlockCommand({
        Bucket,
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: bucket.blockPublicAccess,
          BlockPublicPolicy: bucket.blockPublicAccess,
          IgnorePublicAcls: bucket.blockPublicAccess,
          RestrictPublicBuckets: bucket.blockPublicAccess,
        },
      }),
    ),
  );
  await step('encryption', () =>
    s3.send(
      new PutBucketEncryptionCommand({
        Bucket,
        ServerSideEncryptionConfiguration: {
          Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: bucket.encryption } }],
        },
      }),
    ),
  );
  await step('lifecycle', () =>
    s3.send(
      new PutBucketLifecycleConfigurationCommand({
        Bucket,
        LifecycleConfiguration: { Rules: bucket.lifecycle.map(ruleOf) },
      }),
    ),
  );
  await step('CORS', () =>
    s3.send(
      new PutBucketCorsCommand({
        Bucket,
        CORSConfiguration: {
          CORSRules: [
            {
              AllowedMethods: [...bucket.cors.methods],
              AllowedOrigins: [...bucket.cors.origins],
              AllowedHeaders: [...bucket.cors.allowedHeaders],
              ExposeHeaders: [...bucket.cors.exposedHeaders],
              MaxAgeSeconds: bucket.cors.maxAgeSeconds,
            },
          ],
        },
      }),
    ),
  );
}

/** Whether it was made. Bucket names are global, so another account may have it. */
async function create(s3: S3Client, Bucket: string): Promise<boolean> {
  try {
    await s3.send(new HeadBucketCommand({ Bucket }));
    return false;
  } catch (error) {
    if (!isNamed(error, 'NotFound', 'NoSuchBucket')) throw error;
  }
  const region = await s3.config.region();
  // The first region has no name here, as S3 is older than regions; a region newer than the SDK is passed on too.
  const elsewhere = region === 'us-east-1' ? undefined : (region as BucketLocationConstraint);
  try {
    await s3.send(
      new CreateBucketCommand({
        Bucket,
        ...(elsewhere !== undefined && { CreateBucketConfiguration: { LocationConstraint: elsewhere } }),
      }),
    );
    return true;
  } catch (error) {
    if (isNamed(error, 'BucketAlreadyOwnedByYou')) return false;
    if (!isNamed(error, 'BucketAlreadyExists')) throw error;
    throw new StorageError(`the bucket ${Bucket} is another account's: choose another DISKLANE_AWS_PREFIX`, {
      cause: error,
    });
  }
}

function ruleOf({ id, prefix, expireAfterDays, abortUploadsAfterDays }: LifecycleRule) {
  return {
    ID: id,
    Status: 'Enabled' as const,
    Filter: { Prefix: prefix },
    ...(expireAfterDays !== undefined && { Expiration: { Days: expireAfterDays } }),
    ...(abortUploadsAfterDays !== undefined && {
      AbortIncompleteMultipartUpload: { DaysAfterInitiation: abortUploadsAfterDays },
    }),
  };
}
