import autocannon from 'autocannon';

export type Load = {
  readonly url: string;
  readonly connections: number;
  /** Makes the body of each POST; GET when absent. */
  readonly body?: () => string;
};

export type Measured = { readonly perSecond: number; readonly p50: number; readonly p99: number };

const SECONDS = 4;

/** Requests a second and latencies in milliseconds. Rejects when anything but 2xx came back: such a figure means nothing. */
export async function measureLoad({ url, connections, body }: Load): Promise<Measured> {
  const requests =
    body === undefined
      ? [{ method: 'GET' as const }]
      : [
          {
            method: 'POST' as const,
            headers: { 'content-type': 'application/json' },
            setupRequest: (request: autocannon.Request) => ({ ...request, body: body() }),
          },
        ];
  const result = await autocannon({ url, connections, duration: SECONDS, requests });
  if (result.non2xx > 0 || result.errors > 0) {
    throw new Error(`${url}: ${result.non2xx} answers were not 2xx, ${result.errors} failed`);
  }
  return { perSecond: result.requests.average, p50: result.latency.p50, p99: result.latency.p99 };
}
