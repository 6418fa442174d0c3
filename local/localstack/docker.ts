import { type ProcessOptions, type Running, startProcess } from '../emulator/process.ts';
import { answerOf, type Environment, onPath } from '../emulator/programs.ts';
import { runTool } from '../emulator/tool.ts';
import { settings } from './environment.ts';

const IMAGE = 'localstack/localstack:4.14.0';

/** The docker client, where an engine answers it; null where not. */
export async function findDocker(env: Environment = process.env): Promise<string | null> {
  const [docker] = await onPath('docker', env);
  if (docker === undefined) return null;
  // With a format the client says an engine that it cannot reach by its exit code in every version.
  const answer = await answerOf(docker, ['info', '--format', '{{.ServerVersion}}'], env);
  return answer === null || answer.trim() === '' ? null : docker;
}

/** Pulls the image where it is not there yet; rejects when it cannot be had. */
export async function pullImage(
  docker: string,
  { say, signal, log }: { say: (line: string) => void; signal: AbortSignal; log: string },
): Promise<void> {
  if ((await answerOf(docker, ['image', 'inspect', IMAGE], process.env)) !== null) return;
  say(`pulling ${IMAGE} …`);
  await runTool(docker, ['pull', IMAGE], { log, env: process.env, signal });
}

/** Starts the image, on the loopback only. The container goes with the process, by force at last. */
export function startContainer(docker: string, output: ProcessOptions['output']): Running {
  const name = `disklane-localstack-${process.pid}`;
  const variables = Object.entries(settings).flatMap(([key, value]) => ['--env', `${key}=${value}`]);
  const args = ['run', '--rm', '--name', name, '--publish', '127.0.0.1:4566:4566', ...variables, IMAGE];
  return startProcess(docker, args, {
    env: process.env,
    output,
    lastly: [docker, 'rm', '--force', name],
  });
}
