// Builds dist/: the library as tsc's own files, the command bundled with code splitting, because hundreds of small modules
// cost more at start than the work of most commands. Its files are CommonJS in the end, which Node loads in half the time
// of ES modules; esbuild splits only the latter, so that they are made first. What ships binaries stays external.
//
// Everything is made in a folder of its own and then takes the place of dist/: commands that run meanwhile find the old
// one or the new one, and a build that fails leaves the old one there.
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const staging = join(root, '.build', `${process.pid}`);

await mkdir(staging, { recursive: true });
try {
  process.exitCode = compile();
  if (process.exitCode === 0) {
    await bundle();
    await replaceDist();
  }
} finally {
  await rm(staging, { recursive: true, force: true });
}

/** The exit status of the compiler, which says itself what is wrong. */
function compile() {
  const tsc = require.resolve('typescript/bin/tsc');
  const { status } = spawnSync(
    process.execPath,
    [tsc, '-p', 'tsconfig.build.json', '--outDir', join(staging, 'dist')],
    { cwd: root, stdio: 'inherit' },
  );
  return status ?? 1;
}

async function bundle() {
  const { outputFiles, metafile } = await build({
    entryPoints: { stowage: 'dist/cli/main.js' },
    // Paths are relative to it, and part of the names of the chunks.
    absWorkingDir: staging,
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
  const bin = join(staging, 'dist', 'bin');
  await mkdir(bin);
  await writeFile(join(bin, 'package.json'), '{"type":"commonjs"}\n');
  for (const { path, text } of outputFiles) {
    const name = basename(path);
    const sources = Object.keys(metafile.outputs[`dist/bin/${name}`].inputs);
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
    await writeFile(join(bin, name), withImports(code));
  }
  // The program of the threads is looked for beside the module that starts them.
  const worker = await transform(await readFile(join(staging, 'dist/io/copy-worker.js'), 'utf8'), {
    format: 'cjs',
    platform: 'node',
    target: 'node20',
  });
  await writeFile(join(bin, 'copy-worker.js'), worker.code);
  await chmod(join(bin, 'stowage.js'), 0o755);
}

async function replaceDist() {
  for (let attempt = 0; ; attempt++) {
    await rename(dist, join(staging, `old-${attempt}`)).catch(unless('ENOENT'));
    try {
      return await rename(join(staging, 'dist'), dist);
    } catch (error) {
      // Another build was faster; its outcome makes room for this one.
      if (attempt === 10 || !['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(error.code)) throw error;
    }
  }
}

function unless(code) {
  return (error) => {
    if (error.code !== code) throw error;
  };
}

/** What may be an ES module is imported also from CommonJS; only chunks of our own are required. */
function withImports(code) {
  return code.replace(
    /Promise\.resolve\(\)\.then\(\(\) => __toESM\(require\(("@[^"]+")\)\)\)/g,
    (_, name) => `import(${name})`,
  );
}
