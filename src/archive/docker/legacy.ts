import { StowageError } from '../../errors.js';
import { compareBytewise } from '../../io/bytewise.js';
import { parseImageConfig } from '../../oci/image-config.js';
import { MANIFEST_LIMIT, parseJson } from '../../oci/json.js';
import { quote } from '../tar/text.js';
import type { LayerPart } from './layer.js';
import { findPart, readPart, type DockerImage, type DockerSource } from './source.js';

/** Images of which one is the parent of the next. Docker allowed 127 layers. */
const CHAIN_LIMIT = 1000;

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads the images of a Docker archive from before 2016 (Docker image spec 1.0): `repositories` says which names there
 * are, `<id>/json` and `<id>/layer.tar` what each image adds to its parent. There is no config that could be checked;
 * one is made up of the chain, always the same for the same archive: what the image itself says, without what only
 * concerned the old format, with `rootfs` and `history` as Docker made them when it took such images over, its keys
 * sorted. Docker of that time ran on linux/amd64 where it did not say otherwise.
 *
 * @throws {StowageError} INVALID if a part is missing, an id is not 64 hexadecimal digits, or an image is its own
 *   ancestor; LIMIT_EXCEEDED for a chain of more than 1000.
 */
export async function readLegacyImages(source: DockerSource, raw: Uint8Array): Promise<DockerImage[]> {
  const images: DockerImage[] = [];
  for (const [id, repoTags] of namesOf(raw, source.what)) {
    images.push({ ...(await readImage(source, id)), repoTags });
  }
  return images;
}

/** The names of each image, both in the order of their bytes. */
function namesOf(raw: Uint8Array, archive: string): ReadonlyMap<string, readonly string[]> {
  const what = `"repositories" of ${archive}`;
  const names: { name: string; id: string }[] = [];
  for (const [repository, tags] of entriesOf(parseJson(raw, what, { uniqueKeys: true }), what)) {
    for (const [tag, id] of entriesOf(tags, what)) {
      names.push({ name: `${repository}:${tag}`, id: checkedId(id, archive) });
    }
  }
  names.sort((a, b) => compareBytewise(a.name, b.name));
  const byId = new Map<string, string[]>();
  for (const { name, id } of names) byId.set(id, [...(byId.get(id) ?? []), name]);
  return byId;
}

async function readImage(source: DockerSource, id: string): Promise<Omit<DockerImage, 'repoTags'>> {
  const chain = await chainOf(source, id);
  const parts: Omit<LayerPart, 'diffId'>[] = [];
  const history: Fields[] = [];
  for (const link of chain) {
    const path = `${link.id}/layer.tar`;
    const file = findPart(source, path, 'layer');
    const isEmpty = file.size === 0;
    history.push(historyOf(link.fields, isEmpty));
    // Some tools wrote no bytes at all for an image that changes no files.
    if (!isEmpty) parts.push({ path, file });
  }
  const layers = await source.layers.measureAll(parts);
  const diffIds = layers.map(({ diffId }) => diffId);
  const top = chain.at(-1)?.fields ?? {};
  const raw = Buffer.from(
    sortedJson({ ...configOf(top), rootfs: { type: 'layers', diff_ids: diffIds }, history }),
  );
  const what = `the config made up for image ${quote(id)} of ${source.what}`;
  return { config: parseImageConfig(raw, what), layers };
}

interface Link {
  readonly id: string;
  readonly fields: Fields;
}

/** An image and its ancestors, the oldest first. */
async function chainOf(source: DockerSource, id: string): Promise<Link[]> {
  const chain: Link[] = [];
  const seen = new Set<string>();
  for (let next: string | undefined = id; next !== undefined;) {
    if (seen.has(next)) throw refused('INVALID', source.what, next, 'it is its own ancestor');
    if (seen.size === CHAIN_LIMIT) {
      throw refused('LIMIT_EXCEEDED', source.what, id, `it has more than ${CHAIN_LIMIT} ancestors`);
    }
    seen.add(next);
    const path = `${next}/json`;
    const what = `${quote(path)} of ${source.what}`;
    const raw = await readPart(source, path, 'image');
    const fields: Fields = Object.fromEntries(
      entriesOf(parseJson(raw, what, { limit: MANIFEST_LIMIT }), what),
    );
    chain.push({ id: next, fields });
    const { parent } = fields;
    next =
      parent === undefined || parent === null || parent === '' ? undefined : checkedId(parent, source.what);
  }
  return chain.reverse();
}

/** What only concerned the old format, or this one image of the chain. */
const OLD_KEYS: ReadonlySet<string> = new Set(['id', 'parent', 'Size', 'parent_id', 'layer_id', 'throwaway']);

function configOf(fields: Fields): Fields {
  const kept = Object.entries(fields).filter(([key]) => !OLD_KEYS.has(key));
  return {
    ...Object.fromEntries(kept),
    architecture: fields.architecture || 'amd64',
    os: fields.os || 'linux',
  };
}

function historyOf(fields: Fields, isEmpty: boolean): Fields {
  const { created, author, comment } = fields;
  const command = commandOf(fields.container_config);
  return {
    ...(created === undefined ? {} : { created }),
    ...(author ? { author } : {}),
    ...(command === '' ? {} : { created_by: command }),
    ...(comment ? { comment } : {}),
    ...(isEmpty ? { empty_layer: true } : {}),
  };
}

function commandOf(containerConfig: unknown): string {
  if (typeof containerConfig !== 'object' || containerConfig === null || !('Cmd' in containerConfig))
    return '';
  const { Cmd } = containerConfig;
  return Array.isArray(Cmd) ? Cmd.map(String).join(' ') : '';
}

/** Compact JSON, the keys of every object in the order of their bytes. */
function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item !== 'object' || item === null || Array.isArray(item)
      ? item
      : Object.fromEntries(Object.entries(item).sort(([a], [b]) => compareBytewise(a, b))),
  );
}

function entriesOf(value: unknown, what: string): [string, unknown][] {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return Object.entries(value);
  throw new StowageError('INVALID', `Cannot read ${what}: it is not the object it should be`);
}

function checkedId(id: unknown, archive: string): string {
  if (typeof id === 'string' && /^[0-9a-f]{64}$/.test(id)) return id;
  const shown = typeof id === 'string' ? quote(id) : `a ${typeof id}`;
  throw new StowageError(
    'INVALID',
    `Cannot import ${archive}: an image has the id ${shown}, which is not 64 hexadecimal digits`,
  );
}

function refused(
  code: 'INVALID' | 'LIMIT_EXCEEDED',
  archive: string,
  id: string,
  reason: string,
): StowageError {
  return new StowageError(code, `Cannot import ${archive}: image ${quote(id)}: ${reason}`, {
    detail: { id },
  });
}
