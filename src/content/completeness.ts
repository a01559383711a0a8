/**
 * What is there of an image, platform by platform: the question that import asks of an archive and the store
 * together, and export of the store.
 */
import { StowageError } from '../errors.js';
import { DOCKER_REFERENCE_DIGEST } from '../oci/annotation.js';
import { children } from '../oci/children.js';
import type { Descriptor } from '../oci/descriptor.js';
import { isDigest, type Digest } from '../oci/digest.js';
import { parseImageConfig, platformOfConfig } from '../oci/image-config.js';
import type { ImageDocument } from '../oci/manifest.js';
import { isImageConfig, isNonDistributable, kindOf } from '../oci/media-type.js';
import type { Platform } from '../oci/platform.js';
import { pool } from '../io/pool.js';
import { isDocument, readBlob, readDocument } from './read.js';
import type { CallOptions, Reader, Target } from './store.js';
import { DEPTH_LIMIT } from './depth-limit.js';

/** Different blobs one image may refer to. Real ones have some hundreds; an index of many images may have more. */
export const BLOB_LIMIT = 100_000;

/** References on one level, however often they repeat: what a hostile index can make this hold in memory. */
const REFERENCE_LIMIT = 1_000_000;

const READS_AT_ONCE = 4;

/** Which of these blobs are at hand, such as {@link Writer.claim} answers it. */
export type Has = (targets: readonly Target[]) => Promise<ReadonlySet<Digest>>;

/** What is there of one entry of an index, or of the manifest an image is when it has no index. */
export interface ManifestState {
  /** As the index states it. Of kind `manifest`, or anything else an index may list. */
  readonly descriptor: Descriptor;
  /** From the descriptor, else from the config; undefined where neither says it, or both say "unknown". */
  readonly platform: Platform | undefined;
  /**
   * `complete`: the manifest and what it needs is there. `absent`: the manifest itself is not. `damaged`: the
   * manifest is, but not its config or a layer; one that may not be distributed may be missing.
   */
  readonly state: 'complete' | 'absent' | 'damaged';
  /** What it lacks: itself, or config and layers. */
  readonly missing: readonly Descriptor[];
  /** Config and layers that are there, in their order. */
  readonly held: readonly Descriptor[];
  /** The manifest of the same image that this one attests (provenance, bill of materials). */
  readonly attests: Digest | undefined;
}

export interface Inspection {
  readonly target: Descriptor;
  /** In the order of the indexes; an index in its place. An index that is absent counts as an absent manifest. */
  readonly manifests: readonly ManifestState[];
  /** The indexes that are there, each after those it lists; the target last, where it is one. */
  readonly indexes: readonly Descriptor[];
  /** Every manifest and index that is there, parsed. */
  readonly documents: ReadonlyMap<Digest, ImageDocument>;
}

/**
 * Finds out what is there of the image `target` points to, with one call of `has` for each level of its tree. No
 * layer is read; manifests, and configs where nothing else says the platform, are read from `reader`.
 *
 * @throws {StowageError} INVALID if a manifest or config is not what its media type says; LIMIT_EXCEEDED for
 *   indexes nested deeper than {@link DEPTH_LIMIT} or with more than {@link BLOB_LIMIT} blobs; MISMATCH if the same
 *   blob is referred to with two sizes.
 */
export async function inspectImage(
  has: Has,
  reader: Reader,
  target: Descriptor,
  options: CallOptions = {},
): Promise<Inspection> {
  const tree = await readTree(has, reader, target, options);
  const { entries, indexes } = listEntries(tree, target);
  const platforms = await readPlatforms(reader, tree, entries, options);
  const manifests = entries.map((descriptor) => stateOf(descriptor, tree, platforms));
  return { target, manifests, indexes, documents: tree.documents };
}

/** Names whose targets have the same key have the same inspection; the digest alone does not say what is read. */
export function inspectionKey({ mediaType, digest, size }: Descriptor): string {
  return `${digest} ${size} ${mediaType}`;
}

interface Tree {
  readonly held: ReadonlySet<Digest>;
  readonly documents: ReadonlyMap<Digest, ImageDocument>;
}

/** Level by level, so that everything on one level is asked for at once. */
async function readTree(has: Has, reader: Reader, target: Descriptor, options: CallOptions): Promise<Tree> {
  const held = new Set<Digest>();
  const documents = new Map<Digest, ImageDocument>();
  const asked = new Map<Digest, number>();
  const read = new Set<string>();
  let level: readonly Descriptor[] = [target];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEPTH_LIMIT) throw limitExceeded(target, `it is nested deeper than ${DEPTH_LIMIT}`);
    options.signal?.throwIfAborted();
    const fresh = level.filter((descriptor) => isNew(descriptor, asked, target));
    if (asked.size > BLOB_LIMIT) throw limitExceeded(target, `it refers to more than ${BLOB_LIMIT} blobs`);
    for (const digest of await has(fresh)) held.add(digest);
    // What is listed as a document in one place and as opaque content in another is read for the first.
    const readable = level.filter((descriptor) => {
      const key = `${kindOf(descriptor.mediaType)} ${descriptor.digest}`;
      return isDocument(descriptor) && held.has(descriptor.digest) && !read.has(key) && read.add(key);
    });
    await pool(
      readable,
      async (descriptor, signal) => {
        documents.set(descriptor.digest, await readDocument(reader, descriptor, { signal }));
      },
      { concurrency: READS_AT_ONCE, signal: options.signal },
    );
    level = readable.flatMap(({ digest }) => childrenOf(documents.get(digest)));
    if (level.length > REFERENCE_LIMIT) {
      throw limitExceeded(target, `it has more than ${REFERENCE_LIMIT} references on one level`);
    }
  }
  return { held, documents };
}

function isNew({ digest, size }: Descriptor, sizes: Map<Digest, number>, target: Descriptor): boolean {
  const known = sizes.get(digest);
  sizes.set(digest, known ?? size);
  if (known === undefined || known === size) return known === undefined;
  throw new StowageError(
    'MISMATCH',
    `Cannot inspect ${JSON.stringify(target.digest)}: it refers to ${JSON.stringify(digest)} with ${known} bytes ` +
      `and with ${size}`,
    { detail: { digest, sizes: [known, size] } },
  );
}

function childrenOf(document: ImageDocument | undefined): Descriptor[] {
  return document === undefined ? [] : children(document);
}

/** Each index once and after those it lists; each entry in the place where it is first found. */
function listEntries(tree: Tree, target: Descriptor) {
  const entries = new Map<Digest, Descriptor>();
  const indexes: Descriptor[] = [];
  const entered = new Set<Digest>();
  const enter = (descriptor: Descriptor): void => {
    const document = tree.documents.get(descriptor.digest);
    if (document?.kind !== 'index') {
      const known = entries.get(descriptor.digest);
      if (known === undefined || (isDocument(descriptor) && !isDocument(known))) {
        entries.set(descriptor.digest, descriptor);
      }
      return;
    }
    if (entered.has(descriptor.digest)) return;
    entered.add(descriptor.digest);
    for (const child of document.manifests) enter(child);
    indexes.push(descriptor);
  };
  enter(target);
  return { entries: [...entries.values()], indexes };
}

function stateOf(
  descriptor: Descriptor,
  { held, documents }: Tree,
  platforms: ReadonlyMap<Digest, Platform>,
): ManifestState {
  const shared = {
    descriptor,
    platform: statedPlatform(descriptor.platform) ?? platforms.get(descriptor.digest),
    attests: attestedBy(descriptor),
  };
  if (!held.has(descriptor.digest)) return { ...shared, state: 'absent', missing: [descriptor], held: [] };
  const parts = childrenOf(documents.get(descriptor.digest));
  const isHeld = ({ digest }: Descriptor) => held.has(digest);
  const missing = parts.filter((part) => !isHeld(part) && !isNonDistributable(part.mediaType));
  const state = missing.length === 0 ? 'complete' : 'damaged';
  return { ...shared, state, missing, held: parts.filter(isHeld) };
}

function attestedBy({ annotations = {} }: Descriptor): Digest | undefined {
  const digest = Object.hasOwn(annotations, DOCKER_REFERENCE_DIGEST)
    ? annotations[DOCKER_REFERENCE_DIGEST]
    : undefined;
  return digest !== undefined && isDigest(digest) ? digest : undefined;
}

/** Platforms that only a config knows. */
async function readPlatforms(
  reader: Reader,
  { held, documents }: Tree,
  entries: readonly Descriptor[],
  options: CallOptions,
): Promise<ReadonlyMap<Digest, Platform>> {
  const platforms = new Map<Digest, Platform>();
  const unsaid = entries.filter((descriptor) => statedPlatform(descriptor.platform) === undefined);
  await pool(
    unsaid,
    async ({ digest }, signal) => {
      const document = documents.get(digest);
      if (document?.kind !== 'manifest') return;
      const { config } = document;
      if (!isImageConfig(config.mediaType) || !held.has(config.digest)) return;
      const raw = await readBlob(reader, config, { signal });
      const parsed = parseImageConfig(raw, `config ${JSON.stringify(config.digest)}`);
      const platform = statedPlatform(platformOfConfig(parsed));
      if (platform !== undefined) platforms.set(digest, platform);
    },
    { concurrency: READS_AT_ONCE, signal: options.signal },
  );
  return platforms;
}

/** Builders write "unknown" for what runs nowhere, such as attestations. */
function statedPlatform(platform: Platform | undefined): Platform | undefined {
  if (platform === undefined) return undefined;
  const says = (value: string) => value !== '' && value !== 'unknown';
  return says(platform.os) && says(platform.architecture) ? platform : undefined;
}

function limitExceeded(target: Descriptor, reason: string): StowageError {
  return new StowageError('LIMIT_EXCEEDED', `Cannot inspect ${JSON.stringify(target.digest)}: ${reason}`, {
    detail: { digest: target.digest },
  });
}
