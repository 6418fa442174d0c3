import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findPrerequisites } from '../../../local/localstack/prerequisites.ts';
import { scripts } from './support.ts';

const python = 'echo "python 3.13.0" "$0"';
const java = (version: string) =>
  `printf '    java.home = /usr/lib/jvm/java\\n    java.specification.version = ${version}\\n' >&2`;

test('finds all three', async () => {
  const { folder, PATH } = await scripts({ python3: python, java: java('17'), mvn: '' });
  expect(await findPrerequisites({ PATH, HOME: folder })).toEqual({
    python: { file: join(PATH, 'python3'), version: '3.13.0' },
    javaHome: '/usr/lib/jvm/java',
    maven: join(PATH, 'mvn'),
  });
});

test('says everything that is missing at once, each with what to install', async () => {
  const { folder, PATH } = await scripts({});
  const refused = findPrerequisites({ PATH, HOME: folder });
  await expect(refused).rejects.toThrow(
    /^LocalStack needs a Docker engine .*, or without Docker:\n- Python 3\.13 /,
  );
  await expect(refused).rejects.toThrow(
    /\n- Java 17 or newer is needed; found none\..* openjdk-17-jre-headless/,
  );
  await expect(refused).rejects.toThrow(
    /\n- Maven \(mvn\) is needed; found none\. .* apt-get install maven$/,
  );
});

test.for(['11', '1.8'])('Java %s is too old, and is named', async (version) => {
  const { folder, PATH } = await scripts({ python3: python, java: java(version), mvn: '' });
  await expect(findPrerequisites({ PATH, HOME: folder })).rejects.toThrow(
    `Java 17 or newer is needed; found ${PATH}/java (${version}).`,
  );
});

test('Java is looked for in JAVA_HOME first', async () => {
  const { folder, PATH } = await scripts({ python3: python, java: java('11'), mvn: '' });
  const jdk = await scripts({ java: java('21').replace('/usr/lib/jvm/java', '/opt/jdk') });
  const { javaHome } = await findPrerequisites({ PATH, HOME: folder, JAVA_HOME: jdk.folder });
  expect(javaHome).toBe('/opt/jdk');
});
