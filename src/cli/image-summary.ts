import { HeldOutlines } from '../content/held-outlines.js';
import { hasOutline, type Outline } from '../content/outline.js';
import type { ContentStore } from '../content/store.js';
import { isStowageError } from '../errors.js';
import type { ImageRecord } from '../images/store.js';
import { compareBytewise } from '../io/bytewise.js';
import type { Descriptor } from '../oci/descriptor.js';
import { hostPlatform } from '../oci/host-platform.js';
import { only, sortByPlatform } from '../oci/platform-match.js';
import { formatPlatform } from '../oci/platform-specifier.js';
import type { Platform } from '../oci/platform.js';

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
  /** Config and layers; undefined if the manifest is not held. */
  readonly parts: readonly Descriptor[] | undefined;
  /** Of the indexes above it. */
  readonly sizeAbove: number;
}

/** Manifests of one image that are looked at; a hostile index can name the same one any number of times. */
const CANDIDATE_LIMIT = 10_000;

/** Indexes inside each other that are followed. */
const DEPTH_LIMIT = 16;

/**
 * Summarises images, in their order. It never fails because of what an image is or lacks: it warns, and counts what it
 * could read. What the store remembers of all of them is looked up together, one level after the other.
 */
export async function summarise(
  content: ContentStore,
  records: readonly Pick<ImageRecord, 'name' | 'target'>[],
  signal: AbortSignal,
  warn: (message: string) => void,
): Promise<ImageSummary[]> {
  const outlines = new HeldOutlines(content, { signal });
  await loadAll(
    outlines,
    records.map(({ target }) => target),
  );
  // Many names for one image are common, and only the media type can make two of them different.
  const known = new Map<string, ImageSummary>();
  const summaries: ImageSummary[] = [];
  for (const { name, target } of records) {
    const key = `${target.mediaType} ${target.digest}`;
    let summary = known.get(key);
    if (summary === undefined) {
      try {
        summary = await summaryOf(content, outlines, target, signal);
        known.set(key, summary);
      } catch (error) {
        if (!isStowageError(error)) throw error;
        warn(`image ${JSON.stringify(name)}: ${error.message}`);
        summary = { size: target.size, platforms: [] };
      }
    }
    summaries.push(summary);
  }
  return summaries;
}

const HOST = only(hostPlatform());

async function summaryOf(
  content: ContentStore,
  outlines: HeldOutlines,
  target: Descriptor,
  signal: AbortSignal,
): Promise<ImageSummary> {
  const candidates = findCandidates(outlines, target);
  const platforms = new Set(
    candidates.flatMap(({ platform }) => (platform ? [formatPlatform(platform)] : [])),
  );
  const suitable = candidates.filter(({ platform, parts }) => parts && platform && HOST.match(platform));
  const chosen =
    sortByPlatform(suitable, ({ platform }) => platform, HOST)[0] ??
    (await firstComplete(content, candidates, signal));
  return {
    size: chosen ? sizeOf(chosen) : target.size,
    platforms: [...platforms].sort(compareBytewise),
  };
}

function findCandidates(outlines: HeldOutlines, target: Descriptor): Candidate[] {
  const found: Candidate[] = [];
  const visit = (descriptor: Descriptor, sizeAbove: number, depth: number): void => {
    if (found.length >= CANDIDATE_LIMIT || depth > DEPTH_LIMIT) return;
    const outline = outlines.get(descriptor);
    if (outline?.kind === 'index') {
      for (const child of outline.children) visit(child, sizeAbove + descriptor.size, depth + 1);
      return;
    }
    const parts = outline?.kind === 'manifest' ? outline.children : undefined;
    const platform = descriptor.platform ?? (parts?.[0] && platformOf(outlines.get(parts[0])));
    // By convention that is no platform but an attestation about one.
    if (platform?.os === 'unknown' || platform?.architecture === 'unknown') return;
    found.push({ descriptor, platform, parts, sizeAbove });
  };
  visit(target, 0, 0);
  return found;
}

function platformOf(outline: Outline | undefined): Platform | undefined {
  return outline?.kind === 'config' ? outline.platform : undefined;
}

async function firstComplete(
  content: ContentStore,
  candidates: readonly Candidate[],
  signal: AbortSignal,
): Promise<Candidate | undefined> {
  for (const candidate of candidates) {
    if (candidate.parts && (await holdsAll(content, candidate.parts, signal))) return candidate;
  }
  return undefined;
}

async function holdsAll(
  content: ContentStore,
  descriptors: readonly Descriptor[],
  signal: AbortSignal,
): Promise<boolean> {
  for (const descriptor of descriptors) {
    if ((await content.stat(descriptor, { signal })) === undefined) return false;
  }
  return true;
}

function sizeOf({ descriptor, parts = [], sizeAbove }: Candidate): number {
  return parts.reduce((sum, { size }) => sum + size, sizeAbove + descriptor.size);
}

/** Loads everything below the targets that says which platforms they have. */
async function loadAll(outlines: HeldOutlines, targets: readonly Descriptor[]): Promise<void> {
  const seen = new Set<string>();
  let level = targets;
  for (let depth = 0; level.length > 0 && depth <= DEPTH_LIMIT; depth++) {
    const fresh = level.filter(({ mediaType, digest, platform }) => {
      const key = `${mediaType} ${digest} ${platform === undefined}`;
      return hasOutline(mediaType) && !seen.has(key) && seen.add(key);
    });
    await outlines.load(fresh);
    level = fresh.flatMap((descriptor) => {
      const outline = outlineOrNothing(outlines, descriptor);
      if (outline?.kind === 'index') return outline.children;
      // Where something above says the platform, the configuration need not.
      const asks = outline?.kind === 'manifest' && descriptor.platform === undefined;
      return asks ? outline.children.slice(0, 1) : [];
    });
  }
}

/** What cannot be read is told of when an image is summarised that needs it. */
function outlineOrNothing(outlines: HeldOutlines, descriptor: Descriptor): Outline | undefined {
  try {
    return outlines.get(descriptor);
  } catch (error) {
    if (!isStowageError(error)) throw error;
    return undefined;
  }
}
