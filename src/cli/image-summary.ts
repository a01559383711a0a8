import { DEPTH_LIMIT } from '../content/depth-limit.js';
import { HeldOutlines } from '../content/held-outlines.js';
import { hasOutline, type Outline } from '../content/outline.js';
import type { ContentStore } from '../content/store.js';
import { isStowageError } from '../errors.js';
import type { ImageRecord } from '../images/store.js';
import { compareBytewise } from '../io/bytewise.js';
import type { Descriptor } from '../oci/descriptor.js';
import { hostPlatform } from '../oci/host-platform.js';
import { only } from '../oci/platform-match.js';
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
  const host = new Host();
  for (const { name, target } of records) {
    const key = `${target.mediaType} ${target.digest}`;
    let summary = known.get(key);
    if (summary === undefined) {
      try {
        const candidates = findCandidates(outlines, target);
        const { best, platforms } = host.judge(candidates);
        const chosen = best ?? (await firstComplete(content, candidates, signal));
        summary = { size: chosen ? sizeOf(chosen) : target.size, platforms };
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

/** What this machine makes of platforms, each looked at once: thousands of images share one. */
class Host {
  readonly #matcher = only(hostPlatform());
  readonly #known = new Map<Platform, { readonly name: string; readonly runs: boolean }>();

  /** The manifest that suits this machine best and is held, or undefined; and the names of all platforms, ascending. */
  judge(
    candidates: readonly Candidate[],
  ): Pick<ImageSummary, 'platforms'> & { readonly best: Candidate | undefined } {
    const names = new Set<string>();
    let best: Candidate | undefined;
    for (const candidate of candidates) {
      const { platform, parts } = candidate;
      if (platform === undefined) continue;
      const { name, runs } = this.#look(platform);
      names.add(name);
      if (!runs || parts === undefined) continue;
      if (best?.platform && this.#matcher.compare(platform, best.platform) >= 0) continue;
      best = candidate;
    }
    return { best, platforms: [...names].sort(compareBytewise) };
  }

  #look(platform: Platform) {
    let known = this.#known.get(platform);
    if (known === undefined) {
      known = { name: formatPlatform(platform), runs: this.#matcher.match(platform) };
      this.#known.set(platform, known);
    }
    return known;
  }
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
    const platform = descriptor.platform ?? platformBelow(outlines, outline);
    // By convention that is no platform but an attestation about one.
    if (platform?.os === 'unknown' || platform?.architecture === 'unknown') return;
    found.push({ descriptor, platform, parts, sizeAbove });
  };
  visit(target, 0, 0);
  return found;
}

function platformBelow(outlines: HeldOutlines, outline: Outline | undefined): Platform | undefined {
  if (outline?.kind !== 'manifest') return undefined;
  const [first] = outline.children;
  if (outline.platform !== undefined || first === undefined) return outline.platform;
  const config = outlines.get(first);
  return config?.kind === 'config' ? config.platform : undefined;
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
      if (!hasOutline(mediaType)) return false;
      const key = `${mediaType} ${digest} ${platform === undefined}`;
      return !seen.has(key) && seen.add(key);
    });
    await outlines.load(fresh);
    const next: Descriptor[] = [];
    for (const descriptor of fresh) {
      const outline = outlineOrNothing(outlines, descriptor);
      if (outline?.kind === 'index') for (const child of outline.children) next.push(child);
      // Where something above says the platform, or what is remembered does, the configuration need not.
      const asks = outline?.kind === 'manifest' && (descriptor.platform ?? outline.platform) === undefined;
      if (asks) next.push(...outline.children.slice(0, 1));
    }
    level = next;
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
