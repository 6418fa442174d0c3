import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EmulatorError } from '../emulator/error.ts';
import type { Step } from '../emulator/steps.ts';
import { runTool } from '../emulator/tool.ts';
import type { Prerequisites } from './prerequisites.ts';

const here = import.meta.dirname;

/** A newer one could copy otherwise. */
const COPY_GOAL = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';

const MAIN_CLASS = 'software.amazon.dynamodb.services.local.main.ServerRunner';

/**
 * DynamoDB Local as LocalStack expects its own download to lie, from Maven Central: the jars, a jar that is only a
 * manifest and leads to them, and an agent in the place of LocalStack's own, which only lifts a limit on indexes.
 */
export async function dynamodbStep(
  { maven, python }: Prerequisites,
  { log }: { log: string },
): Promise<Step> {
  const pom = join(here, 'pom.xml');
  const sums = await readFile(join(here, 'dynamodb-local.sha256'), 'utf8');
  return {
    id: 'dynamodb-local',
    doing: 'fetching DynamoDB Local 3.1.0 with Maven',
    inputs: [await readFile(pom, 'utf8'), sums],
    async run(folder, signal) {
      const library = join(folder, 'DynamoDBLocal_lib');
      const env = process.env;
      const settings = ['-DincludeScope=runtime', `-DoutputDirectory=${library}`];
      const goal = ['--batch-mode', '--no-transfer-progress', '--file', pom, COPY_GOAL, ...settings];
      await runTool(maven, goal, { log, env, signal });
      await requireSums(library, sums);

      const names = await readdir(library);
      const jars = names.filter((name) => name.endsWith('.jar')).sort();
      for (const name of names) {
        // Java asks for the native library by the name without a version.
        const [, stem] = /^(libsqlite4java-linux-.+?)-[\d.]+\.so$/.exec(name) ?? [];
        if (stem !== undefined) await copyFile(join(library, name), join(library, `${stem}.so`));
      }
      const agent = jars.find((name) => name.startsWith('byte-buddy-agent-'));
      if (agent === undefined) throw new EmulatorError(`no byte-buddy-agent among the jars in ${library}`);
      await copyFile(join(library, agent), join(folder, 'ddb-local-loader-0.1.jar'));

      await mkdir(join(folder, 'META-INF'));
      const manifest = manifestOf(jars.map((name) => `DynamoDBLocal_lib/${name}`));
      await writeFile(join(folder, 'META-INF/MANIFEST.MF'), manifest);
      const jar = ['-I', '-m', 'zipfile', '-c', join(folder, 'DynamoDBLocal.jar'), join(folder, 'META-INF')];
      await runTool(python.file, jar, { log, env, signal });
    },
  };
}

/** Each file is the one that was tried, and there is no other: the lines are those of sha256sum. */
async function requireSums(folder: string, sums: string): Promise<void> {
  const wanted = sums.trimEnd().split('\n');
  const found = await Promise.all(
    (await readdir(folder)).map(async (name) => {
      const sum = createHash('sha256').update(await readFile(join(folder, name)));
      return `${sum.digest('hex')}  ${name}`;
    }),
  );
  const differing = new Set(wanted).symmetricDifference(new Set(found));
  if (differing.size === 0) return;
  const names = [...new Set([...differing].map((line) => line.slice(66)))].sort();
  throw new EmulatorError(`Maven gave other files than dynamodb-local.sha256 names: ${names.join(', ')}`);
}

/** A line of a manifest has 72 bytes at most, and goes on in the next after a space. */
function manifestOf(classPath: readonly string[]): string {
  const fold = (line: string) => [line.slice(0, 72), ...(line.slice(72).match(/.{1,71}/g) ?? [])].join('\n ');
  const lines = ['Manifest-Version: 1.0', `Main-Class: ${MAIN_CLASS}`, `Class-Path: ${classPath.join(' ')}`];
  return `${lines.map(fold).join('\n')}\n`;
}
