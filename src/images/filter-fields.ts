import { entry } from '../content/filter-fields.js';
import type { FieldLookup } from '../content/filter.js';
import type { ImageRecord, LeaseInfo } from './store.js';

/** The fields filters see of an image: `name`, `target.digest`, `target.mediatype`, `labels.<key>`, `annotations.<key>`. */
export function imageFields({
  name,
  target,
  labels,
}: Pick<ImageRecord, 'name' | 'target' | 'labels'>): FieldLookup {
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

/** The fields filters see of a lease: `id` and `labels.<key>`. */
export function leaseFields({ id, labels }: Pick<LeaseInfo, 'id' | 'labels'>): FieldLookup {
  return ([field, ...rest]) => {
    if (field === 'id') return id;
    return field === 'labels' ? entry(labels, rest.join('.')) : undefined;
  };
}

function present(value: string): string | undefined {
  return value === '' ? undefined : value;
}
