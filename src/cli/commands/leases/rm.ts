import { leaseNotFound } from '../../../images/lease-terms.js';
import { collectAfter } from '../../collect-after.js';
import type { CommandBody } from '../../command.js';

export type LeasesRemoveFlags = {
  readonly noGc?: boolean;
  readonly sync?: boolean;
};

const run: CommandBody<LeasesRemoveFlags, string[]> = async function (flags, ...ids) {
  const { removed, freedBytes } = await this.withStore('remove', async (store) => {
    const removed: string[] = [];
    for (const id of new Set(ids)) {
      if (!(await store.leases.delete(id, { signal: this.signal }))) {
        this.report(leaseNotFound(id));
        break;
      }
      removed.push(id);
    }
    const collect = flags.noGc !== true && removed.length > 0;
    return { removed, freedBytes: collect ? await collectAfter(this, store) : 0 };
  });
  if (this.output.json) return this.output.value({ removed, freedBytes });
  await this.output.lines(removed);
};

export default run;
