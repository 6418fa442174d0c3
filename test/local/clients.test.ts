import { constants, copyFileSync, existsSync, mkdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scratch } from '../support/scratch.ts';
import { Program, repository, sample, start } from './support.ts';

/** Where the clients look for their images; nothing else can stand in. */
const folder = '/vms';
const images = ['my-vm.qcow2', 'test.qcow2'].map((name) => join(folder, name));
const client = (name: string) => join(repository, 'test/clients', name);

/** Why the images cannot be put there; null when they can. In CI that is no excuse. */
const refused =
  process.env.CI === 'true' || process.getuid?.() === 0 ? null : `root is needed to make ${folder}`;
if (refused !== null) console.warn(`clients.test.ts is skipped: ${refused}`);

describe.skipIf(refused !== null)(
  "the first seed's clients, word for word, against npm start on port 8080",
  () => {
    let madeFolder = false;
    const made: string[] = [];
    let dataDir: string | undefined;
    let service: Program | undefined;

    beforeAll(async () => {
      madeFolder = mkdirSync(folder, { recursive: true }) !== undefined;
      for (const image of images) {
        // A copy that a killed run left behind is ours too; any other file is somebody's.
        const ours = existsSync(image) && readFileSync(image).equals(readFileSync(sample.image));
        if (!ours) copyFileSync(sample.image, image, constants.COPYFILE_EXCL);
        made.push(image);
      }
      dataDir = await mkdtemp(join(tmpdir(), 'disklane-test-'));
      const settings = { DISKLANE_DATA_DIR: dataDir, DISKLANE_IMAGE_ROOTS: folder };
      // PORT is left out: 8080 is the default, and the one port that these clients know.
      service = new Program(process.execPath, ['local/main.ts'], settings);
      await service.ready();
    });

    afterAll(async () => {
      await service?.end('SIGTERM');
      for (const image of made) rmSync(image, { force: true });
      if (madeFolder) rmdirSync(folder);
      if (dataDir !== undefined) await rm(dataDir, { recursive: true, force: true });
    });

    test('bash, its heredoc unquoted: the one change, without which $(date) stays as it is written', async () => {
      const folder = await scratch();
      const written = await readFile(client('guestkit-client.sh'), 'utf8');
      const unquoted = written.replace("<<'EOF'", '<<EOF');
      expect(unquoted).not.toBe(written);
      const script = join(folder, 'client.sh');
      await writeFile(script, unquoted);
      // It writes its job.json into the folder it stands in.
      const program = start('env', ['-C', folder, 'bash', script]);
      expect(await program.ended, program.stderr).toBe(0);
      expect(program.stdout).toMatch(/^Job ID: inspect-\d+$/m);
      expect(program.stdout).toMatch(/^Status: Completed$/m);
      // What jq printed last: the envelope of the result.
      expect(JSON.parse(program.stdout.slice(program.stdout.indexOf('\n{\n')))).toMatchObject({
        success: true,
        data: { operating_system: { product_name: sample.product }, packages: { count: sample.packages } },
      });
    });

    test('Python', async () => {
      // Debian's own, which has the requests package; another may come first in PATH.
      const program = start('/usr/bin/python3', [client('guestkit-client.py')]);
      expect(await program.ended, program.stderr).toBe(0);
      expect(program.stdout).toContain(`Result:\n  OS: ${sample.product}\n  Packages: ${sample.packages}\n`);
    });

    test('TypeScript', async () => {
      const program = start(process.execPath, [
        '--experimental-transform-types',
        client('guestkit-client.ts'),
      ]);
      expect(await program.ended, program.stderr).toBe(0);
      // It reports its own errors and still ends with 0, so what it prints decides.
      expect(
        JSON.parse(program.stdout.slice(program.stdout.indexOf('Result: ') + 'Result: '.length)),
      ).toMatchObject({
        operating_system: { product_name: sample.product },
        packages: { count: sample.packages },
      });
    });
  },
);
