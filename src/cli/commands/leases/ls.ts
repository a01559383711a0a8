import { compileFilters } from '../../../content/filter.js';
import type { LeaseResource } from '../../../images/collection.js';
import { leaseFields } from '../../../images/filter-fields.js';
import { GC_EXPIRE } from '../../../images/gc-labels.js';
import type { LeaseInfo, LeaseStore } from '../../../images/store.js';
import { isStowageError } from '../../../errors.js';
import type { CommandBody } from '../../command.js';
import { formatLabels, sortLabels } from '../../labels.js';
import { rfc3339 } from '../../rfc3339.js';
import { formatTable } from '../../table.js';

export type LeasesListFlags = {
  readonly quiet?: boolean;
};

const HEADER = ['ID', 'CREATED AT', 'LABELS'];

const run: CommandBody<LeasesListFlags, string[]> = async function (flags, ...filters) {
  const matches = compileFilters(filters);
  const leases = await this.withStore('read', async (store) => {
    const found: (LeaseInfo & { readonly resources: readonly LeaseResource[] })[] = [];
    for await (const lease of store.leases.list({ signal: this.signal })) {
      if (!matches(leaseFields({ id: lease.id, labels: shownLabels(lease) }))) continue;
      const resources = this.output.json ? await resourcesOf(store.leases, lease.id, this.signal) : [];
      found.push({ ...lease, resources });
    }
    return found;
  });
  if (flags.quiet === true) {
    const ids = leases.map(({ id }) => id);
    return this.output.json ? this.output.value(ids) : this.output.lines(ids);
  }
  if (this.output.json) {
    return this.output.value(
      leases.map(({ id, labels, createdAt, expiresAt, resources }) => {
        return { id, labels: sortLabels(labels), createdAt, expiresAt, resources };
      }),
    );
  }
  const rows = leases.map((lease) => [
    lease.id,
    rfc3339(lease.createdAt),
    formatLabels(shownLabels(lease)) || '-',
  ]);
  await this.output.text(formatTable([HEADER, ...rows]));
};

export default run;

/** With the one that says when it expires, as ctr has it. */
function shownLabels({ labels, expiresAt }: LeaseInfo) {
  return expiresAt === undefined ? labels : { ...labels, [GC_EXPIRE]: rfc3339(expiresAt) };
}

async function resourcesOf(
  leases: LeaseStore,
  id: string,
  signal: AbortSignal,
): Promise<readonly LeaseResource[]> {
  const resources: LeaseResource[] = [];
  try {
    for await (const resource of leases.resources(id, { signal })) resources.push(resource);
  } catch (error) {
    // It ended since it was listed.
    if (!isStowageError(error, 'NOT_FOUND')) throw error;
  }
  return resources;
}
