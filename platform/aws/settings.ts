/** Where the platform is and what its resources are called. */
export type AwsSettings = {
  /** When left out, AWS_REGION or the shared configuration file says. */
  readonly region?: string | undefined;
  /** Another service than AWS itself: LocalStack, say. One URL serves DynamoDB, SQS and S3. */
  readonly endpoint?: string | undefined;
  /** Where clients reach the bucket, when that is not where we do: presigned URLs begin with it. */
  readonly publicEndpoint?: string | undefined;
  /** Begins the name of every table, queue and bucket; see resources.ts. */
  readonly prefix: string;
  /** `<prefix>-objects` when left out. */
  readonly bucket?: string | undefined;
  readonly pools: readonly string[];
};
