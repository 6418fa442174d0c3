// Opens the directory and prints a URL signed with its key, for a fixed time.
import { openEmbeddedPlatform } from '../../../../platform/embedded/platform.ts';

const [dataDir = ''] = process.argv.slice(2);
const { objects, close } = await openEmbeddedPlatform({
  dataDir,
  publicUrl: 'http://localhost',
  clock: () => 1_000_000,
});
const options = { expiresInSeconds: 60, filename: 'f', contentType: 'text/plain' };
console.log((await objects.presignGet('key', options)).url);
await close();
