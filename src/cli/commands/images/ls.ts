import { compileFilters } from '../../../content/filter.js';
import { imageFields } from '../../../images/filter-fields.js';
import type { ImageRecord } from '../../../images/store.js';
import type { CommandBody } from '../../command.js';
import { summarise } from '../../image-summary.js';
import { formatLabels } from '../../labels.js';
import { formatTable } from '../../table.js';
import { binarySize } from '../../units.js';

export type ListFlags = {
  readonly quiet?: boolean;
};

const HEADER = ['REF', 'TYPE', 'DIGEST', 'SIZE', 'PLATFORMS', 'LABELS'];

const run: CommandBody<ListFlags, string[]> = async function (flags, ...filters) {
  const matches = compileFilters(filters);
  const images = await this.withStoreToRead(async (store) => {
    const records: ImageRecord[] = [];
    for await (const record of store.images.list({ signal: this.signal })) {
      if (matches(imageFields(record))) records.push(record);
    }
    if (flags.quiet === true) return records.map((record) => ({ record, size: 0, platforms: [] }));
    const warn = (message: string) => this.output.warn(message);
    const summaries = await summarise(store.content, records, this.signal, warn);
    return summaries.map((summary, place) => ({ record: records[place]!, ...summary }));
  });
  if (flags.quiet === true) {
    const names = images.map(({ record }) => record.name);
    return this.output.json ? this.output.value(names) : this.output.lines(names);
  }
  if (this.output.json) {
    return this.output.value(
      images.map(({ record: { name, target, labels, createdAt, updatedAt }, size, platforms }) => ({
        name,
        target,
        size,
        platforms,
        labels,
        createdAt,
        updatedAt,
      })),
    );
  }
  const rows = images.map(({ record: { name, target, labels }, size, platforms }) => [
    name,
    target.mediaType,
    target.digest,
    binarySize(size),
    platforms.join(',') || '-',
    formatLabels(labels) || '-',
  ]);
  await this.output.text(formatTable([HEADER, ...rows]));
};

export default run;
