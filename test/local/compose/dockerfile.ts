import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** One instruction: `COPY`, and its words; of RUN, CMD and ENTRYPOINT the arguments of the exec form. */
export type Step = { readonly name: string; readonly args: readonly string[] };

export type Stage = {
  readonly name: string;
  /** An image, or an earlier stage. */
  readonly from: string;
  readonly steps: readonly Step[];
  /** The command of the HEALTHCHECK. */
  readonly health: readonly string[] | null;
};

const exec = z.array(z.string()).min(1);

/**
 * The stages of a Dockerfile, by name, in order. Reads only what ours has: no shell forms, no variables, no
 * continued lines; anything else throws.
 */
export function readDockerfile(path: string): ReadonlyMap<string, Stage> {
  const stages = new Map<string, Stage>();
  let current: { name: string; from: string; steps: Step[]; health: readonly string[] | null } | undefined;
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [, name = '', rest = ''] = /^([A-Z]+) (.*[^\\])$/.exec(line) ?? [];
    if (rest.includes('$')) throw new Error(`a variable: ${line}`);
    if (name === 'FROM') {
      const [, from, as] = /^(\S+) AS (\S+)$/.exec(rest) ?? [];
      if (from === undefined || as === undefined) throw new Error(`no stage with a name: ${line}`);
      current = { name: as, from, steps: [], health: null };
      stages.set(as, current);
    } else if (current === undefined) {
      throw new Error(`not in a stage: ${line}`);
    } else if (name === 'HEALTHCHECK') {
      const [, command = ''] = /^(?:--\S+ )*CMD (.*)$/.exec(rest) ?? [];
      current.health = exec.parse(JSON.parse(command));
    } else if (name === 'RUN' || name === 'ENTRYPOINT') {
      current.steps.push({ name, args: exec.parse(JSON.parse(rest)) });
    } else if (['WORKDIR', 'COPY', 'ENV', 'USER', 'EXPOSE'].includes(name)) {
      current.steps.push({ name, args: rest.split(' ') });
    } else {
      throw new Error(`unknown instruction: ${line}`);
    }
  }
  return stages;
}

/** A stage's instructions with those of the stages it is made from before them, and the image at the bottom. */
export function resolveStage(
  stages: ReadonlyMap<string, Stage>,
  name: string,
): { readonly image: string; readonly steps: readonly Step[]; readonly health: readonly string[] | null } {
  const stage = stages.get(name);
  if (stage === undefined) return { image: name, steps: [], health: null };
  const below = resolveStage(stages, stage.from);
  return {
    image: below.image,
    steps: [...below.steps, ...stage.steps],
    health: stage.health ?? below.health,
  };
}
