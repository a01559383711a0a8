// Starts a benchmark: npm run bench -- [--quick | --all] [--only import,export] [--rounds 5] [--node PATH]... Node 20
// runs no TypeScript, so main.ts is bundled first; what is measured is the built command in dist/.
import { access, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const repository = fileURLToPath(new URL('..', import.meta.url));
const bundle = join(repository, 'node_modules', '.cache', 'stowage-bench', `${process.pid}.js`);

await access(join(repository, 'dist/bin/stowage.js')).catch(() => {
  console.error('dist/bin/stowage.js is not there: run "npm run build" first');
  process.exit(1);
});
try {
  await build({
    entryPoints: [join(repository, 'bench/main.ts')],
    outfile: bundle,
    bundle: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'warning',
  });
  const { main } = await import(pathToFileURL(bundle).href);
  process.exitCode = await main(process.argv.slice(2), repository);
} finally {
  await rm(bundle, { force: true });
}
