// Builds dist/: the library as tsc's own files, the command bundled with code splitting, because hundreds of small modules
// cost more at start than the work of most commands. Its files are CommonJS in the end, which Node loads in half the time
// of ES modules; esbuild splits only the latter, so that they are made first. What ships binaries stays external.
//
// Everything is made in a folder of its own and then takes the place of dist/: commands that run meanwhile find the old
// one or the new one, and a build that fails leaves the old one there.
import { mkdir, rename, rm } from 'node:fs/promises';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.js';

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const staging = join(root, '.build', `${process.pid}`);

await mkdir(staging, { recursive: true });
try {
  process.exitCode = compile();
  if (process.exitCode === 0) {
    await bundle(join(staging, 'dist'));
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
