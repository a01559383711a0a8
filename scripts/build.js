// Builds dist/: the library as tsc's own files, the command bundled with code splitting, because hundreds of small modules
// cost more at start than the work of most commands. Its files are CommonJS in the end, which Node loads in half the time
// of ES modules; esbuild splits only the latter, so that they are made first. What ships binaries stays external.
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { build, transform } from 'esbuild';

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

const { outputFiles, metafile } = await build({
  entryPoints: { stowage: 'dist/cli/main.js' },
  absWorkingDir: new URL('.', root).pathname,
  outdir: 'dist/bin',
  chunkNames: '[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external: ['@cloudpss/zstd', '@photostructure/sqlite'],
  logLevel: 'warning',
  metafile: true,
  write: false,
});
await mkdir(new URL('dist/bin', root));
await writeFile(new URL('dist/bin/package.json', root), '{"type":"commonjs"}\n');
for (const { path, text } of outputFiles) {
  const name = `dist/bin/${basename(path)}`;
  const sources = Object.keys(metafile.outputs[name].inputs);
  const { code } = await transform(text, {
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    supported: { 'dynamic-import': false },
    banner: [
      "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;",
      ...sources.map((source) => `// ${source}`),
    ].join('\n'),
    define: { 'import.meta.url': 'importMetaUrl' },
  });
  await writeFile(new URL(name, root), withImports(code));
}
// The program of the threads is looked for beside the module that starts them.
const worker = await transform(await readFile(new URL('dist/io/copy-worker.js', root), 'utf8'), {
  format: 'cjs',
  platform: 'node',
  target: 'node20',
});
await writeFile(new URL('dist/bin/copy-worker.js', root), worker.code);
await chmod(new URL('dist/bin/stowage.js', root), 0o755);

/** What may be an ES module is imported also from CommonJS; only chunks of our own are required. */
function withImports(code) {
  return code.replace(
    /Promise\.resolve\(\)\.then\(\(\) => __toESM\(require\(("@[^"]+")\)\)\)/g,
    (_, name) => `import(${name})`,
  );
}
