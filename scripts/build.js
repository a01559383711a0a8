// Builds dist/: the library as tsc's own files, the command bundled with code splitting, because eighty small
// modules cost more at start than the work of most commands. What ships binaries stays external.
import { chmod, rm } from 'node:fs/promises';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { build } from 'esbuild';

const require = createRequire(import.meta.url);
const root = new URL('..', import.meta.url);

await rm(new URL('dist', root), { recursive: true, force: true });
const tsc = spawnSync(
  process.execPath,
  [require.resolve('typescript/bin/tsc'), '-p', 'tsconfig.build.json'],
  {
    cwd: root,
    stdio: 'inherit',
  },
);
if (tsc.status !== 0) process.exit(tsc.status ?? 1);

await build({
  entryPoints: { stowage: 'dist/cli/main.js' },
  absWorkingDir: new URL('.', root).pathname,
  outdir: 'dist/bin',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external: ['@cloudpss/zstd', '@photostructure/sqlite'],
  chunkNames: 'chunks/[name]-[hash]',
  logLevel: 'warning',
});
await chmod(new URL('dist/bin/stowage.js', root), 0o755);
