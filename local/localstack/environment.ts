/** The one version: the last that runs without an account. Health says it, and another is refused. */
export const LOCALSTACK = { name: 'LocalStack', version: '4.14.0' } as const;

/** Where it is found; the port is what LocalStack and its tools expect. */
export const ENDPOINT = 'http://127.0.0.1:4566';

/** How LocalStack is set up, in Docker and without. */
export const settings = {
  LOCALSTACK_HOST: '127.0.0.1:4566',
  // Offline: no certificate to fetch, no events to send, no name server to be.
  SKIP_SSL_CERT_DOWNLOAD: '1',
  DISABLE_EVENTS: '1',
  DNS_ADDRESS: '0',
  // Otherwise any presigned URL is accepted, forged and expired ones too.
  S3_SKIP_SIGNATURE_VALIDATION: '0',
  SQS_ENDPOINT_STRATEGY: 'path',
  DYNAMODB_IN_MEMORY: '1',
};
