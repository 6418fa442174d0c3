import { EmulatorError } from '../emulator/error.ts';

/** The first call starts Java; on a loaded machine it has taken a while, in milliseconds. */
const WARM_PATIENCE_MS = 120_000;

/** Makes DynamoDB's first call (ListTables), which starts it, and gives the seconds that took. */
export async function warmDynamodb(endpoint: string, signal: AbortSignal): Promise<number> {
  const began = performance.now();
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/x-amz-json-1.0',
      'X-Amz-Target': 'DynamoDB_20120810.ListTables',
      // The service and the region are read from it; no signature of a header is checked.
      Authorization:
        'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0',
    },
    body: '{}',
    signal: AbortSignal.any([signal, AbortSignal.timeout(WARM_PATIENCE_MS)]),
  });
  const text = await response.text();
  if (response.status !== 200) {
    throw new EmulatorError(`DynamoDB does not start: ListTables answered ${response.status} ${text}`);
  }
  return (performance.now() - began) / 1000;
}
