import { StowageError } from '../../../errors.js';
import { DEFAULT_LEASE_TTL } from '../../../images/lease-terms.js';
import type { CommandBody } from '../../command.js';
import { sortLabels } from '../../labels.js';
import { usageError } from '../../usage-error.js';

export type LeasesCreateFlags = {
  readonly id?: string;
  readonly expires?: number;
};

const run: CommandBody<LeasesCreateFlags, string[]> = async function (flags, ...assignments) {
  const labels = parseLeaseLabels(assignments);
  const { id, expires = DEFAULT_LEASE_TTL } = flags;
  const info = await this.withStore('write', async ({ leases }) => {
    const lease = await leases.create({
      ...(id !== undefined && { id }),
      labels,
      ttl: expires === 0 ? Infinity : expires,
      lasting: true,
      signal: this.signal,
    });
    const found = await leases.get(lease.id, { signal: this.signal });
    if (found !== undefined) return found;
    throw new StowageError(
      'NOT_FOUND',
      `lease ${JSON.stringify(lease.id)} was removed as soon as it was made`,
    );
  });
  if (this.output.json) return this.output.value({ ...info, labels: sortLabels(info.labels) });
  await this.output.lines([info.id]);
};

export default run;

/** Unlike other labels of ctr, one without `=` has an empty value here: none. */
function parseLeaseLabels(assignments: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    assignments.map((assignment): [string, string] => {
      const [key = '', ...value] = assignment.split('=');
      if (key === '')
        throw usageError(`label ${JSON.stringify(assignment)} has no key`, ['leases', 'create']);
      return [key, value.join('=')];
    }),
  );
}
