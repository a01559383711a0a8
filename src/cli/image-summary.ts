import type { Reader } from '../content/store.js';
import { isStowageError } from '../errors.js';
import type { ImageRecord } from '../images/store.js';
import { compareBytewise } from '../io/bytewise.js';
import { children } from '../oci/children.js';
import type { Descriptor } from '../oci/descriptor.js';
import { hostPlatform } from '../oci/host-platform.js';
import type { ImageManifest } from '../oci/manifest.js';
import { only, sortByPlatform } from '../oci/platform-match.js';
import { formatPlatform } from '../oci/platform-specifier.js';
import type { Platform } from '../oci/platform.js';
import { readConfigPlatform, readDocument } from './documents.js';

/** What a list says of an image beyond its record. */
export interface ImageSummary {
  /** Bytes of one platform of the image, with everything above it: as descriptors state them (spec 9.10). */
  readonly size: number;
  /** Every platform the image speaks of, held or not; distinct, ascending. */
  readonly platforms: readonly string[];
}

/** One manifest an image leads to. */
interface Candidate {
  readonly descriptor: Descriptor;
  readonly platform: Platform | undefined;
  /** Undefined if it is not held. */
  readonly manifest: ImageManifest | undefined;
  /** Of the indexes above it. */
  readonly sizeAbove: number;
}

/** Manifests of one image that are looked at; a hostile index can name the same one any number of times. */
const CANDIDATE_LIMIT = 10_000;

/**
 * Answers a function that summarises images. It never fails because of what an image is or lacks: it warns, and
 * counts what it could read.
 */
export function createSummariser(
  content: Reader,
  signal: AbortSignal,
  warn: (message: string) => void,
): (record: ImageRecord) => Promise<ImageSummary> {
  const host = only(hostPlatform());
  // Many names for one image are common, and only the media type can make two of them different.
  const known = new Map<string, ImageSummary>();
  return async ({ name, target }) => {
    const key = `${target.mediaType} ${target.digest}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    try {
      const candidates = await findCandidates(content, target, signal);
      const platforms = new Set(
        candidates.flatMap(({ platform }) => (platform ? [formatPlatform(platform)] : [])),
      );
      const preferred = sortByPlatform(candidates, ({ platform }) => platform, host);
      const chosen =
        preferred.find(({ platform, manifest }) => manifest && platform && host.match(platform)) ??
        (await firstComplete(content, candidates, signal));
      const size = chosen ? sizeOf(chosen) : target.size;
      const summary = { size, platforms: [...platforms].sort(compareBytewise) };
      known.set(key, summary);
      return summary;
    } catch (error) {
      if (!isStowageError(error)) throw error;
      warn(`image ${JSON.stringify(name)}: ${error.message}`);
      return { size: target.size, platforms: [] };
    }
  };
}

async function findCandidates(
  content: Reader,
  target: Descriptor,
  signal: AbortSignal,
): Promise<Candidate[]> {
  const found: Candidate[] = [];
  const visit = async (descriptor: Descriptor, sizeAbove: number): Promise<void> => {
    if (found.length >= CANDIDATE_LIMIT) return;
    const document = await readDocument(content, descriptor, signal);
    if (document?.kind === 'index') {
      for (const child of children(document)) await visit(child, sizeAbove + descriptor.size);
      return;
    }
    const platform =
      descriptor.platform ?? (document && (await readConfigPlatform(content, document, signal)));
    // By convention that is no platform but an attestation about one.
    if (platform?.os === 'unknown' || platform?.architecture === 'unknown') return;
    found.push({ descriptor, platform, manifest: document, sizeAbove });
  };
  await visit(target, 0);
  return found;
}

async function firstComplete(
  content: Reader,
  candidates: readonly Candidate[],
  signal: AbortSignal,
): Promise<Candidate | undefined> {
  for (const candidate of candidates) {
    if (candidate.manifest && (await holdsAll(content, children(candidate.manifest), signal)))
      return candidate;
  }
  return undefined;
}

async function holdsAll(
  content: Reader,
  descriptors: readonly Descriptor[],
  signal: AbortSignal,
): Promise<boolean> {
  for (const descriptor of descriptors) {
    if ((await content.stat(descriptor, { signal })) === undefined) return false;
  }
  return true;
}

function sizeOf({ descriptor, manifest, sizeAbove }: Candidate): number {
  const below = manifest ? children(manifest) : [];
  return below.reduce((sum, { size }) => sum + size, sizeAbove + descriptor.size);
}
