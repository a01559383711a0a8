/**
 * Images for tests, written as they are thought of: `index(manifest(config(), layer('a.txt', 'hello')))`. The same
 * expression gives the same bytes everywhere.
 */
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '../oci/media-type.js';
import { descriptorJson } from '../oci/descriptor.js';
import type { Platform } from '../oci/platform.js';
import { digestOf } from '../io/hash.js';
import type { Writer } from '../content/store.js';

/** A blob, what points to it, and everything it refers to. */
export interface Built {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
  /** This blob and all below it, each after those it refers to. */
  readonly blobs: ReadonlyMap<Digest, Uint8Array>;
}

/** Properties of the descriptor by which a parent points to something. */
export type Pointing = Partial<
  Pick<Descriptor, 'annotations' | 'platform' | 'artifactType' | 'urls' | 'data' | 'mediaType'>
>;

/** Any content under any media type. */
export function blob(content: string | Uint8Array, mediaType = 'application/octet-stream'): Built {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return build(bytes, mediaType, []);
}

/** A layer: a tar with one file. */
export function layer(name: string, content: string | Uint8Array, mediaType: string = OCI_LAYER): Built {
  return blob(tarOf(name, Buffer.from(content)), mediaType);
}

export interface ConfigFields {
  readonly architecture?: string;
  readonly os?: string;
  readonly variant?: string;
  readonly [key: string]: unknown;
}

/** An image configuration, for linux/amd64 unless said otherwise. */
export function config(fields: ConfigFields = {}, mediaType: string = OCI_CONFIG): Built {
  return json(
    { architecture: 'amd64', os: 'linux', config: {}, rootfs: { type: 'layers', diff_ids: [] }, ...fields },
    mediaType,
    [],
  );
}

export interface ManifestFields {
  readonly mediaType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly subject?: Descriptor;
  readonly artifactType?: string;
}

/** A manifest of a config and layers; a last argument that was not built has fields of the manifest. */
export function manifest(configuration: Built, ...rest: readonly (Built | ManifestFields)[]): Built {
  const layers = rest.filter(isBuilt);
  const { mediaType = OCI_MANIFEST, ...fields } = (rest.find((part) => !isBuilt(part)) ??
    {}) as ManifestFields;
  return json(
    {
      schemaVersion: 2,
      mediaType,
      config: descriptorJson(configuration.descriptor),
      layers: layers.map(({ descriptor }) => descriptorJson(descriptor)),
      ...fields,
    },
    mediaType,
    [configuration, ...layers],
  );
}

/** An index of manifests or further indexes. */
export function index(...children: readonly Built[]): Built {
  return indexOfType(OCI_INDEX, ...children);
}

/** {@link index} under another media type, such as that of Docker's manifest list. */
export function indexOfType(mediaType: string, ...children: readonly Built[]): Built {
  const manifests = children.map(({ descriptor }) => descriptorJson(descriptor));
  return json({ schemaVersion: 2, mediaType, manifests }, mediaType, children);
}

/** The same blob, pointed to in another way. */
export function pointedTo(built: Built, pointing: Pointing): Built {
  return { ...built, descriptor: { ...built.descriptor, ...pointing } };
}

/** The same blob, pointed to as that of a platform: `os/architecture[/variant]`. */
export function forPlatform(text: string, built: Built): Built {
  const [os = '', architecture = '', variant] = text.split('/');
  const platform: Platform = { architecture, os, ...(variant === undefined ? {} : { variant }) };
  return pointedTo(built, { platform });
}

/** Puts everything of an image into a store but the blobs that are to be missing. */
export async function putImage(writer: Writer, image: Built, without: readonly Built[] = []): Promise<void> {
  const left = new Set(without.map(({ descriptor }) => descriptor.digest));
  for (const [digest, bytes] of image.blobs) {
    if (!left.has(digest)) await writer.put({ digest, size: bytes.byteLength }, () => bytes);
  }
}

function json(value: object, mediaType: string, children: readonly Built[]): Built {
  return build(Buffer.from(JSON.stringify(value)), mediaType, children);
}

function build(bytes: Uint8Array, mediaType: string, children: readonly Built[]): Built {
  const digest = digestOf(bytes);
  const blobs = new Map(children.flatMap((child) => [...child.blobs]));
  blobs.set(digest, bytes);
  return { descriptor: { mediaType, digest, size: bytes.byteLength }, bytes, blobs };
}

function isBuilt(part: Built | ManifestFields): part is Built {
  return 'blobs' in part;
}

/** A ustar archive with one file of mode 0644 from the year 1970. */
function tarOf(name: string, content: Uint8Array): Uint8Array {
  const header = Buffer.alloc(512);
  const octal = (value: number, at: number, length: number) =>
    header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
  header.write(name, 0, 100);
  octal(0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(content.byteLength, 124, 12);
  octal(0, 136, 12);
  header.write('        0', 148, 'latin1');
  header.write('ustar\u000000', 257, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  const padding = Buffer.alloc((512 - (content.byteLength % 512)) % 512);
  return Buffer.concat([header, content, padding, Buffer.alloc(1024)]);
}
