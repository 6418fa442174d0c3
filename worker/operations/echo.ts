import { setTimeout as delay } from 'node:timers/promises';
import { testEchoPayload } from '../../core/catalogue/echo.ts';
import { OperationError, type OperationRunner } from './operation.ts';

/** `system.echo`: the payload's data, given back. */
export const runSystemEcho: OperationRunner = ({ document }) =>
  Promise.resolve({ version: '1.0', echo: document.payload.data });

/** `test.echo`: an echo that takes `delay_ms` and fails when told to. */
export const runTestEcho: OperationRunner = async ({ document, signal, progress }) => {
  const { message, delay_ms, fail } = testEchoPayload.parse(document.payload.data);
  if (delay_ms > 0) {
    progress({ percent: 0, phase: 'inspecting', message: `waiting ${delay_ms} ms` });
    await delay(delay_ms, undefined, { signal });
  }
  if (fail !== undefined) {
    throw new OperationError({
      code: 'OPERATION_FAILED',
      message: fail.message,
      phase: 'inspecting',
      recoverable: fail.recoverable,
      details: {},
    });
  }
  return { version: '1.0', echo: { message } };
};
