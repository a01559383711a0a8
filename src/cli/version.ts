import { createRequire } from 'node:module';

/** Of the package this command belongs to, wherever in it the bundler put this line. */
export function packageVersion(): string {
  const manifest = createRequire(import.meta.url)('stowage/package.json') as { version: string };
  return manifest.version;
}
