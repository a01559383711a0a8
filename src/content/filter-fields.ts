import type { FieldLookup } from './filter.js';
import type { IngestStatus } from './ingests.js';
import type { BlobInfo } from './store.js';

/** The fields filters see of a blob: `digest` and `labels.<key>`. */
export function blobFields({ digest, labels }: Pick<BlobInfo, 'digest' | 'labels'>): FieldLookup {
  return ([field, ...rest]) => {
    if (field === 'digest') return digest;
    return field === 'labels' ? entry(labels, rest.join('.')) : undefined;
  };
}

/** The fields filters see of a write in progress: `ref`. */
export function ingestFields({ ref }: Pick<IngestStatus, 'ref'>): FieldLookup {
  return ([field]) => (field === 'ref' ? ref : undefined);
}

/** What a map of labels has under a key, and nothing that every object has. */
export function entry(record: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
