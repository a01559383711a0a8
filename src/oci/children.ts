import { MANIFEST_SUBJECT } from './annotation.js';
import type { Descriptor } from './descriptor.js';
import { encodedOf, type Digest } from './digest.js';
import type { ImageDocument } from './manifest.js';
import { CONTAINERD_CHECKPOINT, CONTAINERD_CHECKPOINT_CONFIG, isImageConfig, kindOf } from './media-type.js';

/** Prefix of the labels by which a blob keeps others alive. */
export const GC_REF_CONTENT = 'containerd.io/gc.ref.content';

/** What a document refers to, in its order: config, then layers; or the manifests of an index. Not its subject. */
export function children(document: ImageDocument): Descriptor[] {
  return document.kind === 'index' ? [...document.manifests] : [document.config, ...document.layers];
}

/**
 * The labels that make containerd's collector keep the children of a document, one label a child, with the numbers
 * containerd gives them: counted per key, the first config without a number.
 */
export function gcLabels(document: ImageDocument): Record<string, string> {
  return gcLabelsFor(children(document));
}

/** {@link gcLabels} of children that were chosen already. */
export function gcLabelsFor(descriptors: readonly Descriptor[]): Record<string, string> {
  const labels: Record<string, string> = {};
  const counts = new Map<string, number>();
  for (const child of descriptors) {
    const key = gcLabelKey(child);
    const count = counts.get(key) ?? 0;
    counts.set(key, count + 1);
    labels[numbered(key, count, child)] = child.digest;
  }
  return labels;
}

function numbered(key: string, count: number, child: Descriptor): string {
  if (key === REFERRER) return referrerLabelKey(child.digest);
  return count > 0 || key.endsWith('.') ? `${key}${count}` : key;
}

/** The algorithm is in the key whatever the digest's is: containerd reads only the prefix. */
const REFERRER = `${GC_REF_CONTENT}.referrer.sha256.`;

/** The key of the label by which a subject keeps a referrer, as containerd writes it. */
export function referrerLabelKey(referrer: Digest): string {
  return REFERRER + encodedOf(referrer).slice(0, 12);
}

/** Whether a label is one of those. */
export function isReferrerLabel(key: string): boolean {
  return key.startsWith(REFERRER);
}

function gcLabelKey(child: Descriptor): string {
  if (child.annotations !== undefined && Object.hasOwn(child.annotations, MANIFEST_SUBJECT)) return REFERRER;
  if (isKnownConfig(child.mediaType)) return `${GC_REF_CONTENT}.config`;
  switch (kindOf(child.mediaType)) {
    case 'manifest':
      return `${GC_REF_CONTENT}.m.`;
    case 'layer':
      return `${GC_REF_CONTENT}.l.`;
    default:
      return `${GC_REF_CONTENT}.`;
  }
}

function isKnownConfig(mediaType: string): boolean {
  return (
    isImageConfig(mediaType) ||
    mediaType === CONTAINERD_CHECKPOINT ||
    mediaType === CONTAINERD_CHECKPOINT_CONFIG
  );
}
