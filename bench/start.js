// Starts a benchmark: npm run bench -- [--quick | --all] [--only import,export] [--rounds 5] [--node PATH]... Node 20
// runs no TypeScript, so main.ts is bundled first; what is measured is the built command in dist/.
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { REPOSITORY, withBundle } from '../scripts/with-bundle.js';

await access(join(REPOSITORY, 'dist/bin/stowage.js')).catch(() => {
  console.error('dist/bin/stowage.js is not there: run "npm run build" first');
  process.exit(1);
});
await withBundle('bench/main.ts', async (bundle) => {
  const { main } = await import(pathToFileURL(bundle).href);
  process.exitCode = await main(process.argv.slice(2), REPOSITORY);
});
