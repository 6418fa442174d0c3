import { cpus } from 'node:os';
import { benchEcho } from './echo.ts';
import { benchGateway } from './gateway.ts';
import { benchInspection } from './inspection.ts';

const benches: Record<string, () => Promise<void>> = {
  inspection: benchInspection,
  gateway: benchGateway,
  echo: benchEcho,
};

const wanted = process.argv.slice(2);
console.log(`Node ${process.version}, ${cpus().length} CPUs (${cpus()[0]?.model})`);
for (const [name, bench] of Object.entries(benches)) {
  if (wanted.length === 0 || wanted.includes(name)) await bench();
}
