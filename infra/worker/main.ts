import { parseArgs } from 'node:util';
import { cloudInit } from './cloud-init.ts';

// `npm run cloud-init -- --release URL --sha256 HEX [NAME=value …]`: prints a worker host's cloud-init.
try {
  const { values, positionals } = parseArgs({
    options: { release: { type: 'string' }, sha256: { type: 'string' } },
    allowPositionals: true,
  });
  const { release: url, sha256 } = values;
  if (url === undefined || sha256 === undefined) throw new Error('--release URL and --sha256 HEX are needed');
  const environment = Object.fromEntries(
    positionals.map((setting) => {
      const [, name, value] = /^([^=]+)=(.*)$/s.exec(setting) ?? [];
      if (name === undefined || value === undefined) throw new Error(`${setting}: must be NAME=value`);
      return [name, value];
    }),
  );
  process.stdout.write(cloudInit({ release: { url, sha256 }, environment }));
} catch (error) {
  console.error(`disklane: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
