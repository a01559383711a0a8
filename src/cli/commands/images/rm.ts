import { isStowageError } from '../../../errors.js';
import type { CommandBody } from '../../command.js';
import { findImages } from '../../find-images.js';

export type RemoveFlags = {
  readonly sync?: boolean;
};

const run: CommandBody<RemoveFlags, string[]> = async function (_flags, ...names) {
  const removed = await this.withStore(async (store) => {
    const found = new Set<string>();
    for (const name of names) {
      try {
        for (const each of await findImages(store, [name], this.signal)) found.add(each);
      } catch (error) {
        if (!isStowageError(error, 'NOT_FOUND')) throw error;
        this.report(error);
      }
    }
    const changes = [...found].map((name) => ({ op: 'delete', name }) as const);
    if (changes.length > 0) await store.images.apply(changes, { signal: this.signal });
    return [...found];
  });
  if (this.output.json) return this.output.value({ removed });
  await this.output.lines(removed);
};

export default run;
