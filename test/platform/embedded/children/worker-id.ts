// Takes a worker id, prints it, and holds it until it is killed.
import { takeWorkerId } from '../../../../platform/embedded/worker-id.ts';

const [dataDir = '', host = ''] = process.argv.slice(2);
const { id } = await takeWorkerId(dataDir, host);
console.log(id);
setInterval(() => id, 60_000);
