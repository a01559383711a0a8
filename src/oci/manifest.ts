import * as v from 'valibot';
import { StowageError } from '../errors.js';
import type { Annotations, Descriptor } from './descriptor.js';
import { descriptorSchema, hasKeys, toDescriptor } from './descriptor.js';
import { listOf, MANIFEST_LIMIT, objectWith, parseJson, stringMap, validate } from './json.js';
import { isSchema1, kindOf, OCI_INDEX, OCI_MANIFEST } from './media-type.js';

interface DocumentBase {
  /** As the descriptor said; where nothing said so, as the document says or as its shape implies. */
  readonly mediaType: string;
  readonly subject?: Descriptor;
  readonly artifactType?: string;
  readonly annotations?: Annotations;
  /** The bytes it was read from: what its digest is over, and the only thing that is ever stored or sent. */
  readonly raw: Uint8Array;
}

/** One image of one platform, or an artifact (image-spec manifest.md, Docker's schema 2). */
export interface ImageManifest extends DocumentBase {
  readonly kind: 'manifest';
  readonly config: Descriptor;
  /** The base first. */
  readonly layers: readonly Descriptor[];
}

/** A list of manifests, mostly one a platform (image-spec image-index.md, Docker's manifest list). */
export interface ImageIndex extends DocumentBase {
  readonly kind: 'index';
  readonly manifests: readonly Descriptor[];
}

/** What a descriptor of kind `manifest` or `index` points to. */
export type ImageDocument = ImageManifest | ImageIndex;

export interface ParseDocumentOptions {
  /**
   * In bytes. An `index.json` lists what a whole layout holds and never goes to a registry: `JSON_LIMIT` fits it.
   * @default MANIFEST_LIMIT
   */
  readonly limit?: number;
}

const common = {
  mediaType: v.nullish(v.string('a string')),
  subject: v.nullish(descriptorSchema),
  artifactType: v.nullish(v.string('a string')),
  annotations: v.nullish(stringMap),
};
const manifestSchema = objectWith({ ...common, config: descriptorSchema, layers: listOf(descriptorSchema) });
const indexSchema = objectWith({ ...common, manifests: listOf(descriptorSchema) });

/** Keys that have a meaning to some reader of manifests, by the form in which Go compares them. */
const KNOWN_KEYS: ReadonlyMap<string, string> = new Map(
  'schemaVersion mediaType config layers manifests subject artifactType annotations fsLayers signatures history'
    .split(' ')
    .map((key) => [fold(key), key]),
);

/**
 * Reads a manifest or an index, refusing everything two readers could understand differently (CVE-2021-41190): both
 * kinds at once, a media type inside that contradicts the one outside, keys twice or in another case. The presence
 * of a key counts, not its value; only a list may be null.
 *
 * @param mediaType of the descriptor that led here, or undefined if there is none (`index.json`).
 * @param what names the document in errors.
 * @param options `limit`: the most bytes that are accepted, MANIFEST_LIMIT unless given.
 * @throws {StowageError} INVALID if it is not such a document; UNSUPPORTED for Docker's schema 1; LIMIT_EXCEEDED if
 *   it has more bytes than are accepted.
 */
export function parseDocument(
  raw: Uint8Array,
  mediaType: string | undefined,
  what: string,
  options: { readonly limit?: number } = {},
): ImageDocument {
  const value = parseJson(raw, what, { limit: options.limit ?? MANIFEST_LIMIT, uniqueKeys: true });
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(what, 'it is not a JSON object');
  }
  const fields = value as Readonly<Record<string, unknown>>;
  checkCase(fields, what);
  checkSchema(fields, mediaType, what);
  const kind = kindOfFields(fields, what);
  checkKind(kind, mediaType, what, 'announced as');
  const inner = innerMediaType(fields);
  checkKind(kind, inner, what, 'marked as');
  return kind === 'index'
    ? indexOf(fields, mediaType ?? inner ?? OCI_INDEX, raw, what)
    : manifestOf(fields, mediaType ?? inner ?? OCI_MANIFEST, raw, what);
}

function manifestOf(
  fields: Readonly<Record<string, unknown>>,
  mediaType: string,
  raw: Uint8Array,
  what: string,
): ImageManifest {
  const loose = validate(manifestSchema, fields, what);
  return {
    kind: 'manifest',
    mediaType,
    config: toDescriptor(loose.config, what, 'config'),
    layers: loose.layers.map((layer, index) => toDescriptor(layer, what, `layers[${index}]`)),
    ...extras(loose, what),
    raw,
  };
}

function indexOf(
  fields: Readonly<Record<string, unknown>>,
  mediaType: string,
  raw: Uint8Array,
  what: string,
): ImageIndex {
  const loose = validate(indexSchema, fields, what);
  return {
    kind: 'index',
    mediaType,
    manifests: loose.manifests.map((child, index) => toDescriptor(child, what, `manifests[${index}]`)),
    ...extras(loose, what),
    raw,
  };
}

function extras(
  loose: Pick<v.InferOutput<typeof indexSchema>, 'subject' | 'artifactType' | 'annotations'>,
  what: string,
): Pick<DocumentBase, 'subject' | 'artifactType' | 'annotations'> {
  return {
    ...(loose.subject ? { subject: toDescriptor(loose.subject, what, 'subject') } : {}),
    ...(loose.artifactType ? { artifactType: loose.artifactType } : {}),
    ...(hasKeys(loose.annotations) ? { annotations: loose.annotations } : {}),
  };
}

function checkCase(fields: object, what: string): void {
  for (const key of Object.keys(fields)) {
    const known = KNOWN_KEYS.get(fold(key));
    if (known !== undefined && known !== key) {
      throw invalid(what, `its key ${JSON.stringify(key)} would be taken for "${known}" by some readers`);
    }
  }
}

function checkSchema(fields: Readonly<Record<string, unknown>>, mediaType: string | undefined, what: string) {
  const old = ['fsLayers', 'signatures', 'history'].find((key) => key in fields);
  if (
    old !== undefined ||
    fields.schemaVersion === 1 ||
    (mediaType !== undefined && isSchema1(mediaType)) ||
    isSchema1(innerMediaType(fields) ?? '')
  ) {
    throw new StowageError('UNSUPPORTED', `Cannot read ${what}: it is a manifest of Docker's schema 1`, {
      hint: 'push or save the image again with a Docker of 2016 or later',
    });
  }
  if (fields.schemaVersion !== 2) {
    const found = fields.schemaVersion === undefined ? 'missing' : JSON.stringify(fields.schemaVersion);
    throw invalid(what, `schemaVersion must be 2, it is ${found.slice(0, 80)}`);
  }
}

function kindOfFields(fields: object, what: string): 'index' | 'manifest' {
  const isIndex = 'manifests' in fields;
  const manifestKey = ['config', 'layers'].find((key) => key in fields);
  if (isIndex && manifestKey !== undefined) {
    throw invalid(
      what,
      `it is ambiguous, it has "manifests" like an index and "${manifestKey}" like a manifest`,
    );
  }
  if (!isIndex && manifestKey === undefined) {
    throw invalid(what, 'it has neither "manifests" like an index nor "config" and "layers" like a manifest');
  }
  return isIndex ? 'index' : 'manifest';
}

function checkKind(kind: string, mediaType: string | undefined, what: string, verb: string): void {
  if (mediaType !== undefined && kindOf(mediaType) !== kind) {
    const a = kind === 'index' ? 'an index' : 'a manifest';
    throw invalid(what, `it is ${verb} ${JSON.stringify(mediaType)} but has the fields of ${a}`);
  }
}

function innerMediaType(fields: Readonly<Record<string, unknown>>): string | undefined {
  return typeof fields.mediaType === 'string' && fields.mediaType !== '' ? fields.mediaType : undefined;
}

/** Go ignores case, and takes the long s and the Kelvin sign for letters. */
function fold(key: string): string {
  return key.toUpperCase().toLowerCase();
}

function invalid(what: string, reason: string): StowageError {
  return new StowageError('INVALID', `Cannot read ${what}: ${reason}`);
}
