/** Namespaces: each has its own names, labels, leases and ingests; bytes are shared (spec 5.5). */
import { StowageError } from '../errors.js';
import type { CallOptions, LabelChanges, Labels } from '../content/store.js';

export interface NamespaceInfo {
  readonly name: string;
  readonly labels: Labels;
}

/**
 * Who may have content that another namespace holds without bringing its bytes (spec 4.6): every namespace, or only
 * where one that holds it is labelled {@link SHAREABLE}. It says what a writer has to prove, and is no wall between
 * processes: each decides for itself.
 */
export type Sharing = 'shared' | 'isolated';

/** The label, with the value `true`, of a namespace whose content the others may have also where they are isolated. */
export const SHAREABLE = 'containerd.io/namespace.shareable';

/** The namespaces of a place, the same through every view of it. */
export interface NamespaceStore {
  /** Every namespace, ascending by name. One comes into being when something is first written into it. */
  list(options?: CallOptions): AsyncIterable<NamespaceInfo>;
  get(name: string, options?: CallOptions): Promise<NamespaceInfo | undefined>;
  /** @throws {StowageError} ALREADY_EXISTS; INVALID for what is no name of a namespace, or too long a label. */
  create(name: string, options?: CallOptions & { readonly labels?: Labels }): Promise<NamespaceInfo>;
  /** @throws {StowageError} NOT_FOUND if there is none of that name; INVALID for too long a label. */
  setLabels(name: string, changes: LabelChanges, options?: CallOptions): Promise<NamespaceInfo>;
  /**
   * False if there was none. Its leases end, and ingests that nobody has open are thrown away: they do not keep it.
   * Whoever still writes into it brings it into being again, without its labels.
   *
   * @throws {StowageError} CONFLICT if it still has images or blobs.
   */
  delete(name: string, options?: CallOptions): Promise<boolean>;
}

/** The error for a name that is taken. */
export function namespaceExists(name: string): StowageError {
  return new StowageError('ALREADY_EXISTS', `namespace ${JSON.stringify(name)}: already exists`, {
    detail: { namespace: name },
  });
}

/** The error for a namespace that is to be changed and is not there. */
export function namespaceNotFound(name: string): StowageError {
  return new StowageError('NOT_FOUND', `namespace ${JSON.stringify(name)}: not found`, {
    detail: { namespace: name },
    hint: 'create it first, or write something into it',
  });
}

/** The error for a namespace that is to be removed and is not empty. */
export function namespaceInUse(
  name: string,
  left: { readonly images: boolean; readonly blobs: boolean },
): StowageError {
  const kinds = [...(left.images ? ['images'] : []), ...(left.blobs ? ['blobs'] : [])];
  return new StowageError(
    'CONFLICT',
    `namespace ${JSON.stringify(name)} must be empty, but it still has ${kinds.join(', ')}`,
    {
      detail: { namespace: name, left: kinds },
      hint: left.images
        ? 'remove its images first'
        : 'remove its leases and unfinished writes, or let them expire, and collect',
    },
  );
}
