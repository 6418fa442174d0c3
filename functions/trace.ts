import type { Trace } from '../core/use-cases/submit.ts';

/** https://www.w3.org/TR/trace-context/#traceparent-header */
const TRACEPARENT = /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-[\da-f]{2}(?:-|$)/;

/** `Root=1-<8 digits>-<24 digits>`: X-Ray's form of the same 32 digits. */
const XRAY_ROOT = /(?:^|;) *Root=1-([\da-f]{8})-([\da-f]{24}) *(?:;|$)/i;
const XRAY_PARENT = /(?:^|;) *Parent=([\da-f]{16}) *(?:;|$)/i;

/**
 * The trace that a request belongs to, in W3C's digits (32 for the trace, 16 for the caller's span): the caller's own `traceparent`, or else the `X-Amzn-Trace-Id` that a
 * gateway adds. Undefined when neither has one; a header that is none is not the caller's mistake to pay for.
 */
export function traceOf(header: (name: string) => string | undefined): Trace | undefined {
  const [, traceId, spanId] = TRACEPARENT.exec(header('traceparent') ?? '') ?? [];
  if (traceId !== undefined && spanId !== undefined) return { trace_id: traceId, parent_span_id: spanId };
  const xray = (header('x-amzn-trace-id') ?? '').slice(0, 512);
  const [, time, random] = XRAY_ROOT.exec(xray) ?? [];
  if (time === undefined || random === undefined) return undefined;
  const [, parent] = XRAY_PARENT.exec(xray) ?? [];
  return {
    trace_id: `${time}${random}`.toLowerCase(),
    ...(parent !== undefined && { parent_span_id: parent.toLowerCase() }),
  };
}
