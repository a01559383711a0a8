import { inlineData, type Descriptor } from '../oci/descriptor.js';
import { algorithmOf } from '../oci/digest.js';
import { JSON_LIMIT, MANIFEST_LIMIT } from '../oci/json.js';
import { parseDocument, type ImageDocument } from '../oci/manifest.js';
import { kindOf } from '../oci/media-type.js';
import { digestOf } from '../io/hash.js';
import { readAll, tooLarge } from '../io/limit.js';
import type { CallOptions, Reader } from './store.js';

export interface ReadBlobOptions extends CallOptions {
  /** The most bytes that are accepted. @default 4 MiB for manifests, indexes and configs, 20 MiB for the rest */
  readonly limit?: number;
}

/**
 * A whole small blob, verified. Taken from the descriptor itself where that carries it and its digest is right.
 *
 * @throws {StowageError} LIMIT_EXCEEDED if it has, or announces, more bytes than are accepted; else as
 *   {@link Reader.read}.
 */
export async function readBlob(
  reader: Reader,
  descriptor: Descriptor,
  options: ReadBlobOptions = {},
): Promise<Uint8Array> {
  const { signal, limit = limitOf(descriptor) } = options;
  signal?.throwIfAborted();
  const what = nameOf(descriptor);
  if (descriptor.size > limit) throw tooLarge({ limit, what }, descriptor.size);
  const inline = inlineData(descriptor);
  if (inline !== undefined && digestOf(inline, algorithmOf(descriptor.digest)) === descriptor.digest) {
    return inline;
  }
  return readAll(reader.read(descriptor, { signal }), { limit, what, signal });
}

/**
 * The manifest or index a descriptor points to.
 *
 * @throws {StowageError} as {@link readBlob} and {@link parseDocument}
 */
export async function readDocument(
  reader: Reader,
  descriptor: Descriptor,
  options: CallOptions = {},
): Promise<ImageDocument> {
  const raw = await readBlob(reader, descriptor, { ...options, limit: MANIFEST_LIMIT });
  return parseDocument(raw, descriptor.mediaType, nameOf(descriptor));
}

/** Whether a descriptor points to something {@link readDocument} reads. */
export function isDocument(descriptor: Descriptor): boolean {
  const kind = kindOf(descriptor.mediaType);
  return kind === 'index' || kind === 'manifest';
}

function limitOf({ mediaType }: Descriptor): number {
  const kind = kindOf(mediaType);
  return kind === 'layer' || kind === 'other' ? JSON_LIMIT : MANIFEST_LIMIT;
}

function nameOf({ mediaType, digest }: Descriptor): string {
  const kind = kindOf(mediaType);
  return `${kind === 'other' ? 'blob' : kind} ${JSON.stringify(digest)}`;
}
