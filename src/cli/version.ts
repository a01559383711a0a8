import { createRequire } from 'node:module';

/** Of the package this command belongs to. The sources, what is compiled and what is bundled lie equally deep in it. */
export function packageVersion(): string {
  const manifest = createRequire(import.meta.url)('../../package.json') as { version: string };
  return manifest.version;
}

/** What `stowage version` prints. */
export function versionLines(): string[] {
  return [`stowage ${packageVersion()}`, `node ${process.version} ${process.platform}/${process.arch}`];
}
