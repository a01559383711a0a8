import type { StowageError } from '../../errors.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';

/** A name the import is to give, and what it is to point to. */
export interface NamedTarget {
  readonly name: string;
  readonly target: Descriptor;
  /** Whether the caller chose the name; those from the archive are subject to the conflict policy. */
  readonly chosen: boolean;
  /** Whether the archive had no name for it. */
  readonly unnamed: boolean;
  /** Why it cannot be given. */
  readonly problem?: StowageError;
  /** The other image of the archive that has the same name and gets it. */
  readonly lostTo?: Digest;
}
