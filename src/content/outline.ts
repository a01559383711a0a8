/**
 * What lists and sums need of manifests, indexes and configurations, without their bytes: a store may remember it from
 * when it stored them, so that nothing has to be read. It is a cache and no more: what collection obeys are labels, and
 * who moves or verifies content reads it.
 */
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { isImageConfig, kindOf } from '../oci/media-type.js';
import type { Platform } from '../oci/platform.js';
import type { CallOptions, Target } from './store.js';

/** What a manifest or an index refers to. */
export interface DocumentOutline {
  readonly kind: 'manifest' | 'index';
  /**
   * As `children` gives them: config, then layers; or the manifests of an index. With media type, digest, size and
   * platform; of the annotations only the one that says what an attestation is about.
   */
  readonly children: readonly Descriptor[];
  readonly subject?: Descriptor;
  /** What the configuration of a manifest says of where it runs, if whoever remembers the one remembers both. */
  readonly platform?: Platform;
}

/** What the configuration of an image says of where it runs. */
export interface ConfigOutline {
  readonly kind: 'config';
  readonly platform?: Platform;
}

export type Outline = DocumentOutline | ConfigOutline;

/** A place that remembers outlines. */
export interface OutlineMemory {
  /**
   * The outlines of those of the targets that are held; undefined for what is held and not remembered, or with another
   * size than it is said to have: there, one has to look. One indexed look-up, whatever their number.
   */
  outlines(
    targets: readonly Target[],
    options?: CallOptions,
  ): Promise<ReadonlyMap<Digest, Outline | undefined>>;
}

/** Larger documents are not remembered: they are rare, and a row must not become a second copy of the store. */
const REMEMBERED_BYTES = 256 * 1024;

/** Whether something of this media type has an outline. */
export function hasOutline(mediaType: string): boolean {
  return isImageConfig(mediaType) || kindOf(mediaType) === 'manifest' || kindOf(mediaType) === 'index';
}

/** Whether its outline is worth remembering. */
export function isRemembered({ mediaType = '', size = 0 }: Partial<Target>): boolean {
  return size <= REMEMBERED_BYTES && hasOutline(mediaType);
}
