import type { BlobInfo } from '../content/store.js';
import type { ImageRecord } from '../images/store.js';
import type { FieldLookup } from './filter.js';

/** The fields filters see of an image (spec 5.6). */
export function imageFields({ name, target, labels }: ImageRecord): FieldLookup {
  return ([field, ...rest]) => {
    const key = rest.join('.');
    switch (field) {
      case 'name':
        return present(name);
      case 'target':
        if (key === 'digest') return present(target.digest);
        return key === 'mediatype' ? present(target.mediaType) : undefined;
      case 'labels':
        return entry(labels, key);
      case 'annotations':
        return entry(target.annotations ?? {}, key);
      default:
        return undefined;
    }
  };
}

/** The fields filters see of a blob. */
export function blobFields({ digest, labels }: BlobInfo): FieldLookup {
  return ([field, ...rest]) => {
    if (field === 'digest') return digest;
    return field === 'labels' ? entry(labels, rest.join('.')) : undefined;
  };
}

function present(value: string): string | undefined {
  return value === '' ? undefined : value;
}

function entry(record: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
