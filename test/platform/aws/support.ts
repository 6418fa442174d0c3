import { randomUUID } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { type Context, createContext, defaultCoreSettings } from '../../../core/context.ts';
import type { Platform } from '../../../core/ports.ts';
import { openProvisioned, type Provisioned } from './factory.ts';
import type { Fault } from './proxy.ts';

/** Provisioned resources that go with the test. */
export async function provisioned(): Promise<Provisioned> {
  const opened = await openProvisioned();
  onTestFinished(() => opened.close());
  return opened;
}

/** A use case's context on a platform; what it logs goes into the list. */
export function contextOn(platform: Platform, logged: { message: string }[] = []): Context {
  return createContext(platform, {
    settings: defaultCoreSettings,
    newId: randomUUID,
    random: Math.random,
    log: (event) => logged.push(event),
  });
}

/** A refusal in DynamoDB's and SQS's dialect. */
export const jsonFault = (name: string, status = 400): Fault => ({
  status,
  body: JSON.stringify({ __type: `com.amazonaws#${name}`, message: `said ${name}` }),
});

/** A refusal in S3's dialect. */
export const xmlFault = (code: string, status: number): Fault => ({
  status,
  body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>said ${code}</Message></Error>`,
});
