import { GC_REF_CONTENT } from '../../../images/gc-labels.js';
import type { Store } from '../../../images/store.js';
import type { Digest } from '../../../oci/digest.js';
import { collectAfter } from '../../collect-after.js';
import type { CommandBody } from '../../command.js';
import { usageError } from '../../usage-error.js';

export type ContentPruneFlags = {
  readonly dry?: boolean;
  readonly async?: boolean;
};

interface Reference {
  readonly digest: Digest;
  readonly label: string;
  readonly target: string;
}

const run: CommandBody<ContentPruneFlags, [string]> = async function (flags, what) {
  if (what !== 'references') {
    throw usageError(`only "references" can be pruned, not ${JSON.stringify(what)}`, ['content', 'prune']);
  }
  const dryRun = flags.dry === true;
  const prune = async (store: Store) => {
    const removed: Reference[] = [];
    for await (const { digest, labels } of store.content.list({ signal: this.signal })) {
      const found = Object.entries(labels).filter(([key]) => isLayerLabel(key));
      if (found.length > 0 && !dryRun) {
        const changes = Object.fromEntries(found.map(([key]): [string, null] => [key, null]));
        await store.content.setLabels(digest, changes, { signal: this.signal });
      }
      removed.push(...found.map(([label, target]) => ({ digest, label, target })));
    }
    const collect = !dryRun && flags.async !== true && removed.length > 0;
    return { removed, freedBytes: collect ? await collectAfter(this, store) : 0 };
  };
  const { removed, freedBytes } = await this.withStore(dryRun ? 'read' : 'remove', prune);
  if (this.output.json) return this.output.value({ dryRun, removed, freedBytes });
  await this.output.lines(removed.map(({ digest, label, target }) => `${digest} ${label}=${target}`));
};

export default run;

/** As ctr has it: labels of layers, and those of a time when all children were counted, the configuration as 0. */
function isLayerLabel(key: string): boolean {
  if (key.startsWith(`${GC_REF_CONTENT}.l.`)) return true;
  const number = key.startsWith(`${GC_REF_CONTENT}.`) ? key.slice(GC_REF_CONTENT.length + 1) : '';
  return /^[0-9]+$/.test(number) && Number(number) >= 1;
}
