import { isStowageError } from '../../../errors.js';
import { collectAfter } from '../../collect-after.js';
import type { CommandBody } from '../../command.js';
import { findImages } from '../../find-images.js';

export type RemoveFlags = {
  readonly noGc?: boolean;
  readonly sync?: boolean;
};

const run: CommandBody<RemoveFlags, string[]> = async function (flags, ...names) {
  const { removed, freedBytes } = await this.withStore('remove', async (store) => {
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
    const collect = flags.noGc !== true && changes.length > 0;
    return { removed: [...found], freedBytes: collect ? await collectAfter(this, store) : 0 };
  });
  if (this.output.json) return this.output.value({ removed, freedBytes });
  await this.output.lines(removed);
};

export default run;
