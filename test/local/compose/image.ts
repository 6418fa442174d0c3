import { constants } from 'node:fs';
import { chmod, copyFile, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import dockerignore from '@balena/dockerignore';
import { run } from '../../support/run.ts';
import { repository, type Settings } from '../support.ts';
import { resolveStage, type Stage } from './dockerfile.ts';

/** What an engine would be sent of a folder: its files, without what .dockerignore keeps back. */
export async function contextOf(folder: string): Promise<string[]> {
  const ignore = dockerignore.default().add(await readFile(join(repository, '.dockerignore'), 'utf8'));
  const found: string[] = [];
  const skipped = new Set(['node_modules', '.git']);
  const walk = async (at: string) => {
    for (const entry of await readdir(join(folder, at), { withFileTypes: true })) {
      const path = join(at, entry.name);
      // Large, and held back by the same rules: the first file in them says so.
      if (entry.isDirectory() && !skipped.has(entry.name)) await walk(path);
      else if (entry.isDirectory()) found.push(...ignore.filter([join(path, 'file.ts')]));
      else found.push(...ignore.filter([path]));
    }
  };
  await walk('');
  return found.sort();
}

export type Image = {
  /** Where the working folder of the image lies. */
  readonly workdir: string;
  readonly entrypoint: readonly string[];
  readonly health: readonly string[];
  readonly environment: Settings;
  /** The user the image's processes run as. */
  readonly user: string;
};

/**
 * Runs the steps of a Dockerfile in order: each stage is a folder under `root`, with this Node and this machine's npm
 * where the base image has its own. Nothing but the context is copied.
 */
export class Builder {
  readonly #stages: ReadonlyMap<string, Stage>;
  readonly #root: string;
  readonly #context: readonly string[];
  readonly #built = new Map<string, Promise<Image>>();

  constructor(stages: ReadonlyMap<string, Stage>, root: string, context: readonly string[]) {
    this.#stages = stages;
    this.#root = root;
    this.#context = context;
  }

  /** Runs a stage's steps after those it is made from; a stage that it copies from is built once for all. */
  build(name: string): Promise<Image> {
    const built = this.#built.get(name) ?? this.#run(name);
    this.#built.set(name, built);
    return built;
  }

  async #run(name: string): Promise<Image> {
    const { steps, health } = resolveStage(this.#stages, name);
    const root = join(this.#root, name);
    await mkdir(root, { recursive: true });
    await chmod(root, 0o755);
    let workdir = root;
    let user = 'root';
    let entrypoint: readonly string[] = [];
    const environment: Record<string, string> = {};
    for (const { name: instruction, args } of steps) {
      if (instruction === 'WORKDIR') {
        workdir = join(root, args.join(' '));
        await mkdir(workdir, { recursive: true });
      } else if (instruction === 'ENV') {
        Object.assign(environment, Object.fromEntries(args.map((arg) => arg.split('='))));
      } else if (instruction === 'USER') user = args.join(' ');
      else if (instruction === 'ENTRYPOINT') entrypoint = args;
      else if (instruction === 'COPY') await this.#copy(args, workdir);
      else if (instruction === 'RUN') {
        const [file = '', ...rest] = args;
        await run(file, rest, { cwd: workdir, env: { ...environment, ...fromHere() } });
      }
    }
    return { workdir, entrypoint, health: health ?? [], environment, user };
  }

  async #copy(args: readonly string[], workdir: string): Promise<void> {
    const target = join(workdir, args.at(-1) ?? '');
    const sources = args.slice(0, -1);
    const [, stage] = /^--from=(.*)$/.exec(sources[0] ?? '') ?? [];
    if (stage !== undefined) {
      await this.build(stage);
      await mkdir(target, { recursive: true });
      // A folder's content, by links: nobody writes to it any more.
      for (const source of sources.slice(1))
        await run('cp', ['-rl', `${join(this.#root, stage, source)}/.`, target]);
      return;
    }
    for (const source of sources) {
      const folder = (await stat(join(repository, source))).isDirectory();
      const files = this.#context.filter((file) =>
        folder ? file.startsWith(`${source}/`) : file === source,
      );
      if (files.length === 0) throw new Error(`COPY ${source}: not in the context`);
      for (const file of files) {
        // A folder's content is copied, not the folder.
        const to = join(target, folder ? file.slice(source.length + 1) : file);
        await mkdir(dirname(to), { recursive: true });
        await copyFile(join(repository, file), to, constants.COPYFILE_FICLONE);
      }
    }
  }
}

/** What npm needs of this machine; from its cache what is there, as `npm ci` has filled it. */
function fromHere(): Settings {
  const { PATH = '', HOME = '/' } = process.env;
  return { PATH, HOME, npm_config_prefer_offline: 'true' };
}
