import { ingestFields } from '../../../content/filter-fields.js';
import { compileFilters } from '../../../content/filter.js';
import type { IngestStatus } from '../../../content/ingests.js';
import type { CommandBody } from '../../command.js';
import { formatTable } from '../../table.js';
import { age, decimalSize } from '../../units.js';

export type ActiveFlags = {
  readonly timeout?: string;
};

const HEADER = ['REF', 'SIZE', 'AGE'];

const run: CommandBody<ActiveFlags, string[]> = async function (_flags, ...filters) {
  const matches = compileFilters(filters);
  const ingests = await this.withStore('read', async (store) => {
    const found: IngestStatus[] = [];
    for await (const ingest of store.content.ingests({ signal: this.signal })) {
      if (matches(ingestFields(ingest))) found.push(ingest);
    }
    return found;
  });
  if (this.output.json) return this.output.value(ingests);
  const now = Date.now();
  const rows = ingests.map(({ ref, offset, startedAt }) => [
    ref,
    decimalSize(offset),
    age(now - startedAt.getTime()),
  ]);
  await this.output.text(formatTable([HEADER, ...rows], { pad: '\t' }));
};

export default run;
