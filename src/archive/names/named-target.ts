import type { Descriptor } from '../../oci/descriptor.js';

/** A name the import is to give, and what it is to point to. */
export interface NamedTarget {
  readonly name: string;
  readonly target: Descriptor;
  /** Whether the caller chose the name; those from the archive are subject to the conflict policy. */
  readonly chosen: boolean;
  /** Whether the archive had no name for it. */
  readonly unnamed: boolean;
}
