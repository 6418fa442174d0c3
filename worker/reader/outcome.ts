import type { Readable } from 'node:stream';
import { z } from 'zod';

/** Most bytes of standard output taken from one child; the result is one line of it. */
export const MAX_OUTPUT = 64 * 1024 ** 2;
/** Most progress lines taken from one child. */
export const MAX_PROGRESS_LINES = 10_000;

const NEWLINE = 10;
const text = z.string().max(8192);
const phase = z.enum(['opening', 'reading', 'inspecting']);
const offset = z.int().min(0);

const progress = z.strictObject({
  kind: z.literal('progress'),
  phase,
  percent: z.number().min(0).max(100),
  message: text,
});

const diskError = z.strictObject({
  /** The class: DiskError, or one derived from it. */
  name: text,
  kind: z.enum(['damage', 'io', 'limit', 'unsupported', 'changed']),
  layer: text,
  at: offset.nullable(),
  image: z.strictObject({ source: offset, offset }).nullable(),
  expected: text,
  found: text,
  message: text,
});
export type ReadDiskError = z.infer<typeof diskError>;

/** One line of a child. The result's own schema is the operation's business; here it is only an object. */
const line = z.discriminatedUnion('kind', [
  progress,
  z.strictObject({ kind: z.literal('result'), inspection: z.record(z.string(), z.json()) }),
  z.strictObject({ kind: z.literal('disk_error'), phase, error: diskError }),
  z.strictObject({ kind: z.literal('internal_error'), phase, message: text }),
]);
type Line = z.infer<typeof line>;
export type ChildProgress = Extract<Line, { kind: 'progress' }>;
export type Outcome = Exclude<Line, ChildProgress>;

/** The child's output is not what a child writes: too much, not JSON, another shape, or nothing. */
export class BadOutput extends Error {}

/**
 * Reads progress lines until the one outcome line, and gives that. Rejects with BadOutput; null where the
 * output ended cleanly before an outcome. What a child writes after its outcome in the same breath is
 * BadOutput too; later the child is gone.
 */
export async function readOutcome(
  output: Readable,
  onProgress: (progress: ChildProgress) => void,
): Promise<Outcome | null> {
  let partial: Buffer[] = [];
  let taken = 0;
  let lines = 0;
  for await (const chunk of output) {
    let rest: Buffer = chunk;
    taken += rest.length;
    if (taken > MAX_OUTPUT) throw new BadOutput(`more than ${MAX_OUTPUT} bytes of output`);
    for (let end = rest.indexOf(NEWLINE); end !== -1; end = rest.indexOf(NEWLINE)) {
      const parsed = parseLine(Buffer.concat([...partial, rest.subarray(0, end)]));
      partial = [];
      rest = rest.subarray(end + 1);
      if (parsed.kind !== 'progress') {
        if (rest.length > 0) throw new BadOutput('output after the outcome');
        return parsed;
      }
      if (++lines > MAX_PROGRESS_LINES) throw new BadOutput(`more than ${MAX_PROGRESS_LINES} progress lines`);
      onProgress(parsed);
    }
    if (rest.length > 0) partial.push(rest);
  }
  if (partial.length > 0) throw new BadOutput('output ended inside a line');
  return null;
}

function parseLine(bytes: Buffer): Line {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new BadOutput('a line that is not JSON');
  }
  const parsed = line.safeParse(json);
  if (!parsed.success) throw new BadOutput(`a line of another shape: ${parsed.error.issues[0]?.message}`);
  return parsed.data;
}
