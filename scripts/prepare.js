// Runs after `npm ci` in a clone. Where the development dependencies are absent there is nothing to build with;
// that is not an error, and says so.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const missing = ['typescript', 'esbuild'].filter((name) => {
  try {
    require.resolve(name);
    return false;
  } catch {
    return true;
  }
});

if (missing.length > 0) {
  console.log(`stowage: not built, because ${missing.join(' and ')} is not installed (npm ci installs it)`);
} else {
  await import('./build.js');
}
