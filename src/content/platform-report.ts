import type { Digest } from '../oci/digest.js';
import type { Inspection } from './completeness.js';
import { imagesOf, platformName, wantedOf, type SelectionOptions } from './platform-selection.js';

/** What is there of one platform, and what is not. */
export interface PlatformReport {
  /** `os/arch[/variant]`, normalised; undefined where nothing says it. */
  readonly platform: string | undefined;
  readonly digest: Digest;
  /** `left-out`: something of it is there, but it was not asked for. */
  readonly state: 'complete' | 'absent' | 'damaged' | 'left-out';
  /** What it lacks: its manifest, or config and layers. */
  readonly missing: readonly Digest[];
  /** Of everything it needs, in bytes, as far as that is known. */
  readonly size: number;
  /** Attestations in the same image that are complete, and go where it goes. */
  readonly attestations: readonly Digest[];
}

/**
 * Every manifest of an image but attestations, without a verdict: for a person to see what {@link selectPlatforms}
 * accepts or refuses.
 */
export function describePlatforms(
  inspection: Inspection,
  options: Pick<SelectionOptions, 'platforms'>,
): PlatformReport[] {
  const images = imagesOf(inspection);
  const wanted = new Set(wantedOf(images, options));
  return images.map((manifest) => {
    const { descriptor, missing, held, state } = manifest;
    const lacking = state === 'absent' ? [] : missing;
    return {
      platform: platformName(manifest),
      digest: descriptor.digest,
      state: wanted.has(manifest) || state === 'absent' ? state : 'left-out',
      missing: missing.map(({ digest }) => digest),
      size: [descriptor, ...held, ...lacking].reduce((sum, { size }) => sum + size, 0),
      attestations: inspection.manifests
        .filter(({ attests, state: its }) => attests === descriptor.digest && its === 'complete')
        .map((attestation) => attestation.descriptor.digest),
    };
  });
}
