import { EmulatorError } from '../emulator/error.ts';
import { answerOf, type Environment, onPath } from '../emulator/programs.ts';
import { findPython, type Python } from '../emulator/python.ts';

/** What LocalStack without Docker is made with and runs on. */
export type Prerequisites = {
  readonly python: Python;
  /** The folder of the JDK or JRE. */
  readonly javaHome: string;
  readonly maven: string;
};

/** It imports `warnings.deprecated`. With an older one it installs and says that it is healthy, and S3 answers 500. */
const OLDEST_PYTHON_MINOR = 13;

/** DynamoDB Local 3 is compiled for it. */
const OLDEST_JAVA = 17;

/** Finds everything, or says everything that is missing, each with what to install. */
export async function findPrerequisites(env: Environment = process.env): Promise<Prerequisites> {
  const found = await Promise.allSettled([
    findPython(OLDEST_PYTHON_MINOR, env),
    findJava(env),
    findMaven(env),
    requireMachine(process.platform, process.arch),
  ]);
  const missing = found.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
  const [python, javaHome, maven] = found;
  if (
    python.status === 'fulfilled' &&
    javaHome.status === 'fulfilled' &&
    maven.status === 'fulfilled' &&
    missing.length === 0
  ) {
    return { python: python.value, javaHome: javaHome.value, maven: maven.value };
  }
  const reasons = missing.map((reason) => `\n- ${reason instanceof Error ? reason.message : reason}`);
  throw new EmulatorError(
    `LocalStack needs a Docker engine (none answers \`docker info\`), or without Docker:${reasons.join('')}`,
  );
}

async function findJava(env: Environment): Promise<string> {
  const { JAVA_HOME } = env;
  const files = [
    ...(JAVA_HOME === undefined ? [] : [`${JAVA_HOME}/bin/java`]),
    ...(await onPath('java', env)),
  ];
  const seen: string[] = [];
  for (const file of files) {
    const answer = (await answerOf(file, ['-XshowSettings:properties', '-version'], env)) ?? '';
    const [, version = '0'] = /^\s*java\.specification\.version = ([\d.]+)$/m.exec(answer) ?? [];
    const [, home] = /^\s*java\.home = (.+)$/m.exec(answer) ?? [];
    if (home !== undefined && Number(version) >= OLDEST_JAVA) return home;
    seen.push(home === undefined ? `${file} (does not run)` : `${file} (${version})`);
  }
  throw new EmulatorError(
    `Java ${OLDEST_JAVA} or newer is needed; ${seen.length === 0 ? 'found none' : `found ${seen.join(', ')}`}. ` +
      `Install it: apt-get install openjdk-${OLDEST_JAVA}-jre-headless, or a newer one`,
  );
}

async function findMaven(env: Environment): Promise<string> {
  const [maven] = await onPath('mvn', env);
  if (maven === undefined) {
    throw new EmulatorError('Maven (mvn) is needed; found none. Install it: apt-get install maven');
  }
  return maven;
}

/** The one native library of DynamoDB Local 3.1.0 on Maven Central is for x86-64. */
async function requireMachine(platform: string, arch: string): Promise<void> {
  if (platform === 'linux' && arch === 'x64') return;
  throw new EmulatorError(
    `Linux on x86-64 is needed; this is ${platform} on ${arch}. Start a Docker engine instead`,
  );
}
