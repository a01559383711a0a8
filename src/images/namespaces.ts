/** The contract for namespaces; interfaces only. A namespace has its own names, labels and leases; bytes are shared. */
import type { CallOptions, LabelChanges, Labels } from '../content/store.js';

export interface NamespaceInfo {
  readonly name: string;
  readonly labels: Labels;
}

export interface NamespaceStore {
  /** Every namespace, ascending by name. One comes into being when something is first written into it. */
  list(options?: CallOptions): AsyncIterable<NamespaceInfo>;
  get(name: string, options?: CallOptions): Promise<NamespaceInfo | undefined>;
  /** @throws {StowageError} ALREADY_EXISTS; INVALID for what is no name of a namespace, or too long a label. */
  create(name: string, options?: CallOptions & { readonly labels?: Labels }): Promise<NamespaceInfo>;
  /** @throws {StowageError} NOT_FOUND if there is none of that name. */
  setLabels(name: string, changes: LabelChanges, options?: CallOptions): Promise<NamespaceInfo>;
  /**
   * False if there was none. Leases and ingests do not keep it.
   * @throws {StowageError} CONFLICT if it still has images or blobs.
   */
  delete(name: string, options?: CallOptions): Promise<boolean>;
}
