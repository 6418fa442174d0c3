import { StorageError } from '../../core/errors.ts';

/** A call as its error names it. */
export type Call = {
  /** `DynamoDB`, `SQS` or `S3`. */
  readonly service: string;
  /** The API's operation: `PutItem`. */
  readonly operation: string;
  /** The table, queue or bucket; empty where the call names none. */
  readonly resource: string;
  /** The region, and the endpoint when it is not AWS itself. */
  readonly where: string;
};

const missing = new Set([
  'ResourceNotFoundException',
  'QueueDoesNotExist',
  'AWS.SimpleQueueService.NonExistentQueue',
  'NoSuchBucket',
]);
const denied = new Set(['AccessDeniedException', 'AccessDenied', 'KMSAccessDeniedException', 'Forbidden']);
const throttled = new Set([
  'ThrottlingException',
  'Throttling',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'RequestThrottled',
  'TooManyRequestsException',
  'SlowDown',
  'OverLimit',
]);
const credentials = new Set([
  'UnrecognizedClientException',
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
  'InvalidAccessKeyId',
  'InvalidClientTokenId',
  'IncompleteSignature',
  'MissingAuthenticationToken',
  'ExpiredToken',
  'ExpiredTokenException',
]);
const elsewhere = new Set([
  'PermanentRedirect',
  'AuthorizationHeaderMalformed',
  'IllegalLocationConstraintException',
]);

/**
 * What a caller of a port is given for an error of the SDK: trouble with the service, its resources or our
 * permissions becomes a StorageError that names them. Answers that a port expects (a condition that failed, an
 * object that is not there) and an abort stay as they are.
 */
export function translated(error: unknown, call: Call): unknown {
  if (!(error instanceof Error) || error instanceof StorageError || error.name === 'AbortError') return error;
  const explanation = explain(error, call);
  return explanation === null ? error : new StorageError(explanation, { cause: error });
}

function explain(error: Error, { service, operation, resource, where }: Call): string | null {
  const { name, message } = error;
  const place = `${service} in ${where}`;
  const on = resource === '' ? '' : ` on ${resource}`;
  const tried = `tried ${attemptsOf(error)} times`;
  if (name === 'CredentialsProviderError') {
    return `no AWS credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give the host a role (${message})`;
  }
  if (/^Region is missing/.test(message)) return 'no AWS region is set: set AWS_REGION';
  if (missing.has(name)) {
    return `${place} has no ${resource || 'such resource'}: is the region the right one, and was it provisioned (npm run provision)?`;
  }
  if (denied.has(name)) return `${place} denies ${operation}${on}: ${message}`;
  if (throttled.has(name)) return `${place} throttles ${operation}${on}, ${tried}: ${message}`;
  if (credentials.has(name)) return `${place} refuses the AWS credentials (${name}): ${message}`;
  if (elsewhere.has(name)) return `${resource} lies in another region than ${where} (${name}): ${message}`;
  const status = statusOf(error);
  if (status !== undefined && status >= 500)
    return `${place} fails to ${operation}${on}, ${tried}: ${message}`;
  // Without a status there was no reply: the network's own errors have codes.
  if (status === undefined && networkCode(error) !== null) {
    return `${place} does not answer, ${tried}: ${message || networkCode(error)}`;
  }
  if (name === 'TimeoutError')
    return `${place} did not answer ${operation}${on} in time, ${tried}: ${message}`;
  return null;
}

/** Whether an error, or what a StorageError was made of, has one of these names. */
export function isNamed(error: unknown, ...names: readonly string[]): boolean {
  if (!(error instanceof Error)) return false;
  return names.includes(error.name) || (error instanceof StorageError && isNamed(error.cause, ...names));
}

type Metadata = { readonly httpStatusCode?: unknown; readonly attempts?: unknown };

function metadataOf(error: Error): Metadata {
  if (!('$metadata' in error) || typeof error.$metadata !== 'object') return {};
  return error.$metadata ?? {};
}

/** How often the SDK sent the request that ended in this error. */
export function attemptsOf(error: Error): number {
  const { attempts } = metadataOf(error);
  return typeof attempts === 'number' ? attempts : 1;
}

/** The reply's HTTP status; undefined when there was no reply. */
export function statusOf(error: Error): number | undefined {
  const { httpStatusCode } = metadataOf(error);
  return typeof httpStatusCode === 'number' ? httpStatusCode : undefined;
}

function networkCode(error: Error): string | null {
  return 'code' in error && typeof error.code === 'string' && /^E[A-Z_]+$/.test(error.code)
    ? error.code
    : null;
}
