// For scripts whose work is written in TypeScript, which Node 20 does not run.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** The top of the repository. */
export const REPOSITORY = fileURLToPath(new URL('..', import.meta.url));

/** Bundles a module, given by its path in the repository, hands the path of that to `use`, and removes it in the end. */
export async function withBundle(entry, use) {
  // Inside node_modules, so that the packages it needs are found from there.
  const outfile = join(REPOSITORY, 'node_modules', '.cache', 'stowage', `${process.pid}.js`);
  try {
    await build({
      entryPoints: [join(REPOSITORY, entry)],
      outfile,
      bundle: true,
      packages: 'external',
      format: 'esm',
      platform: 'node',
      target: 'node20',
      logLevel: 'warning',
    });
    return await use(outfile);
  } finally {
    await rm(outfile, { force: true });
  }
}
