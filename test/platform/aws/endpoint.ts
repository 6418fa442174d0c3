import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import dynalite from 'dynalite';
import { buildApp } from 'fauxqs';
import { FaultProxy } from './proxy.ts';

/** Something that answers as AWS does: the endpoint of the environment, or emulators in this process. */
export type Endpoint = {
  /** A proxy of ours before it, which counts calls and makes faults. */
  readonly proxy: FaultProxy;
  /** Without the proxy; presigned URLs go here. */
  readonly s3Url: string;
  close(): Promise<void>;
};

/** DISKLANE_TEST_AWS_ENDPOINT names a running LocalStack or the like; no emulator is started then. */
export async function openEndpoint(): Promise<Endpoint> {
  const external = process.env.DISKLANE_TEST_AWS_ENDPOINT;
  if (external !== undefined) {
    const proxy = await FaultProxy.open(() => external);
    return { proxy, s3Url: external, close: () => proxy.close() };
  }
  const dynamodb = dynalite({ createTableMs: 0, deleteTableMs: 0 });
  await new Promise<void>((resolve) => dynamodb.listen(0, '127.0.0.1', resolve));
  const fauxqs = buildApp({ logger: false });
  const fauxqsUrl = await fauxqs.listen({ port: 0, host: '127.0.0.1' });
  const dynamodbUrl = urlOf(dynamodb);
  const proxy = await FaultProxy.open((call) => (call.service === 'DynamoDB' ? dynamodbUrl : fauxqsUrl));
  return {
    proxy,
    s3Url: fauxqsUrl,
    async close() {
      await proxy.close();
      await fauxqs.close();
      dynamodb.closeAllConnections();
      await new Promise((resolve) => dynamodb.close(resolve));
    },
  };
}

export function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
