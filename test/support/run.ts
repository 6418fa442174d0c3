import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const exec = promisify(execFile);

/** Runs a tool to its end and gives its standard output as bytes; a non-zero exit rejects with its stderr. */
export async function run(
  file: string,
  args: readonly string[],
  options: { cwd?: string; input?: string | Uint8Array; env?: NodeJS.ProcessEnv } = {},
): Promise<Buffer> {
  const { input, ...rest } = options;
  const running = exec(file, [...args], { ...rest, encoding: 'buffer', maxBuffer: 1024 ** 3 });
  if (input !== undefined) running.child.stdin?.end(input);
  else running.child.stdin?.end();
  const { stdout } = await running;
  return stdout;
}
