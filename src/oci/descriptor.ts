import type { Digest } from './digest.js';
import type { Platform } from './platform.js';

/** Key-value metadata as the specification has it. */
export type Annotations = Readonly<Record<string, string>>;

/**
 * A typed, sized pointer to content (image-spec descriptor.md), with the field names of its JSON. `size` is in bytes
 * and never negative. Key order in JSON that is written: as here.
 */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly urls?: readonly string[];
  readonly annotations?: Annotations;
  /** The content itself, base64. */
  readonly data?: string;
  readonly platform?: Platform;
  readonly artifactType?: string;
}
