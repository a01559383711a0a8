import type { ImageStore, Store } from '../../src/images/store.js';

/** The store in which somebody else does something right after each time a name was looked at, while there is something. */
export function disturbed(store: Store, theirs: (() => Promise<unknown>)[]): Store {
  const images: ImageStore = {
    atomic: store.images.atomic,
    list: (options) => store.images.list(options),
    apply: (changes, options) => store.images.apply(changes, options),
    async get(name, options) {
      const record = await store.images.get(name, options);
      await theirs.shift()?.();
      return record;
    },
  };
  return new Proxy(store, {
    get(target, key) {
      if (key === 'images') return images;
      if (key === 'under')
        return (lease: Parameters<Store['under']>[0]) => disturbed(target.under(lease), theirs);
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
