import {
  Agent,
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import { pipeline } from 'node:stream';
import { urlOf } from './endpoint.ts';

/** One call as it passes: `DynamoDB`, `PutItem`. */
export type Call = { readonly service: 'DynamoDB' | 'SQS' | 'S3'; readonly operation: string };

/**
 * What becomes of a call: answered here, applied without its reply ever arriving, kept without an answer,
 * cut in the middle of the reply, or passed on with another date.
 */
export type Fault =
  | { readonly status: number; readonly body: string }
  | 'lose the reply'
  | 'never answer'
  | 'cut the reply'
  | { readonly date: Date };

/** Passes calls on to whoever answers them, counts them, and spoils those it is told to. */
export class FaultProxy {
  readonly url: string;
  /** Every call since the last `counted`, in order. */
  #calls: string[] = [];
  /** Decides a call's fate; null lets it pass. */
  fault: (call: Call) => Fault | null = () => null;
  readonly #server: Server;
  readonly #agent: Agent;

  private constructor(server: Server, agent: Agent) {
    this.#server = server;
    this.#agent = agent;
    this.url = urlOf(server);
  }

  static async open(upstream: (call: Call) => string): Promise<FaultProxy> {
    const agent = new Agent({ keepAlive: true });
    const server = createServer((incoming, outgoing) => proxy.#pass(upstream, incoming, outgoing));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const proxy = new FaultProxy(server, agent);
    return proxy;
  }

  /** How often each operation was called while the action ran. */
  async counted(action: () => Promise<unknown>): Promise<Record<string, number>> {
    this.#calls = [];
    await action();
    const counts: Record<string, number> = {};
    for (const call of this.#calls) counts[call] = (counts[call] ?? 0) + 1;
    return counts;
  }

  /** Spoils the next `times` calls of an operation. */
  spoil(operation: string, fault: Fault, times = 1): void {
    let left = times;
    this.fault = (call) => {
      if (call.operation !== operation || left === 0) return null;
      left -= 1;
      return fault;
    };
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#agent.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #pass(upstream: (call: Call) => string, incoming: IncomingMessage, outgoing: ServerResponse): void {
    const call = callOf(incoming);
    this.#calls.push(call.operation);
    const fault = this.fault(call);
    if (fault === 'never answer') return;
    if (fault !== null && typeof fault === 'object' && 'status' in fault) {
      incoming.resume();
      const type = call.service === 'S3' ? 'application/xml' : 'application/x-amz-json-1.0';
      outgoing.writeHead(fault.status, { 'content-type': type }).end(fault.body);
      return;
    }
    const { hostname, port } = new URL(upstream(call));
    const { method, url, headers } = incoming;
    const sent = request({ agent: this.#agent, hostname, port, method, path: url, headers }, (reply) => {
      if (fault === 'lose the reply') {
        reply.resume().on('end', () => outgoing.destroy());
        return;
      }
      const { statusCode = 500, headers } = reply;
      if (fault !== null && typeof fault === 'object') headers.date = fault.date.toUTCString();
      outgoing.writeHead(statusCode, headers);
      if (fault === 'cut the reply') {
        reply.once('data', (piece: Buffer) => {
          outgoing.write(piece.subarray(0, piece.length / 2), () => outgoing.destroy());
        });
        return;
      }
      pipeline(reply, outgoing, () => {});
    });
    sent.on('error', () => outgoing.destroy());
    // A client that gives up gives up upstream too.
    outgoing.on('close', () => {
      if (!outgoing.writableFinished && fault !== 'lose the reply') sent.destroy();
    });
    pipeline(incoming, sent, () => {});
  }
}

function callOf({ method, url = '/', headers }: IncomingMessage): Call {
  const [service, operation] = String(headers['x-amz-target'] ?? '').split('.');
  if (operation !== undefined) {
    return { service: service === 'AmazonSQS' ? 'SQS' : 'DynamoDB', operation };
  }
  return { service: 'S3', operation: s3Operation(method, new URL(url, 'http://host')) };
}

function s3Operation(method: string | undefined, { searchParams, pathname }: URL): string {
  const named = searchParams.get('x-id');
  if (named !== null) return named;
  const inBucket = pathname.split('/').filter((part) => part !== '').length > 1;
  if (method === 'HEAD') return inBucket ? 'HeadObject' : 'HeadBucket';
  if (searchParams.has('list-type')) return 'ListObjectsV2';
  if (method === 'POST')
    return searchParams.has('uploads') ? 'CreateMultipartUpload' : 'CompleteMultipartUpload';
  if (method === 'DELETE' && searchParams.has('uploadId')) return 'AbortMultipartUpload';
  return `${method} ${[...searchParams.keys()].join()}`;
}
