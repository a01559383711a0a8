/** Docker archives for tests. */
import { createHash } from 'node:crypto';
import { tarOf, type Entry } from './build-archive.js';

export interface DockerLayerFile {
  readonly path: string;
  /** As it lies in the archive. */
  readonly content: Uint8Array;
  /** As it is before compression; the content where it is plain. */
  readonly plain?: Uint8Array;
}

export const hexOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** A layer: a tar with one file. */
export function layerTar(name: string, content: string): Uint8Array {
  return tarOf([{ name, content }]);
}

/** The bytes of a config for these layers. */
export function dockerConfig(layers: readonly DockerLayerFile[], fields: object = {}): Uint8Array {
  const diffIds = layers.map(({ content, plain = content }) => `sha256:${hexOf(plain)}`);
  return Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: diffIds },
      ...fields,
    }),
  );
}

/** Entries of `docker save`: layers, config, and the document that names them last. */
export function dockerEntries(
  layers: readonly DockerLayerFile[],
  repoTags: readonly string[] | null,
): Entry[] {
  const config = dockerConfig(layers);
  const name = `${hexOf(config)}.json`;
  const manifest = [{ Config: name, RepoTags: repoTags, Layers: layers.map(({ path }) => path) }];
  return [
    ...layers.map(({ path, content }) => ({ name: path, content })),
    { name, content: config },
    { name: 'manifest.json', content: JSON.stringify(manifest) },
  ];
}
