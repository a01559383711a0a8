import { blobFields } from '../../../content/filter-fields.js';
import { compileFilters } from '../../../content/filter.js';
import type { BlobInfo } from '../../../content/store.js';
import type { CommandBody } from '../../command.js';
import { formatLabels } from '../../labels.js';
import { formatTable } from '../../table.js';
import { age, decimalSize } from '../../units.js';

export type ContentListFlags = {
  readonly quiet?: boolean;
};

const HEADER = ['DIGEST', 'SIZE', 'AGE', 'LABELS'];

const run: CommandBody<ContentListFlags, string[]> = async function (flags, ...filters) {
  const matches = compileFilters(filters);
  const blobs = await this.withStore('read', async (store) => {
    const found: BlobInfo[] = [];
    for await (const blob of store.content.list({ signal: this.signal })) {
      if (matches(blobFields(blob))) found.push(blob);
    }
    return found;
  });
  if (flags.quiet === true) {
    const digests = blobs.map(({ digest }) => digest);
    return this.output.json ? this.output.value(digests) : this.output.lines(digests);
  }
  if (this.output.json) return this.output.value(blobs);
  const now = Date.now();
  const rows = blobs.map(({ digest, size, createdAt, labels }) => [
    digest,
    decimalSize(size),
    age(now - createdAt.getTime()),
    formatLabels(labels) || '-',
  ]);
  await this.output.text(formatTable([HEADER, ...rows], { pad: '\t', ragged: true }));
};

export default run;
