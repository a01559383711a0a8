import { compileFilters } from '../../../content/filter.js';
import { imageFields } from '../../../images/filter-fields.js';
import type { ImageRecord, Store } from '../../../images/store.js';
import type { CommandBody } from '../../command.js';
import { summarise, type ImageSummary } from '../../image-summary.js';
import { formatLabels } from '../../labels.js';
import { tableParts } from '../../table.js';
import { binarySize } from '../../units.js';

export type ListFlags = {
  readonly quiet?: boolean;
};

const HEADER = ['REF', 'TYPE', 'DIGEST', 'SIZE', 'PLATFORMS', 'LABELS'];

/** Labels are most of what records take in memory: of each no more is kept than is going to be shown. */
type Shown = Pick<ImageRecord, 'name' | 'target'>;

const run: CommandBody<ListFlags, string[]> = async function (flags, ...filters) {
  const { output, signal } = this;
  const matches = compileFilters(filters);
  const list = async <T>(store: Store, shownOf: (record: ImageRecord) => T): Promise<T[]> => {
    const found: T[] = [];
    for await (const record of store.images.list({ signal })) {
      if (matches(imageFields(record))) found.push(shownOf(record));
    }
    return found;
  };
  const summariesOf = (store: Store, images: readonly Shown[]): Promise<ImageSummary[]> =>
    summarise(store.content, images, signal, (message) => output.warn(message));

  if (flags.quiet === true) {
    const names = await this.withStore('read', (store) => list(store, ({ name }) => name));
    return output.json ? output.value(names) : output.lines(names);
  }
  if (output.json) {
    const images = await this.withStore('read', async (store) => {
      const records = await list(store, (record) => record);
      const summaries = await summariesOf(store, records);
      return records.map(({ name, target, labels, createdAt, updatedAt }, place) => ({
        name,
        target,
        ...summaries[place]!,
        labels,
        createdAt,
        updatedAt,
      }));
    });
    return output.value(images);
  }
  const rows = await this.withStore('read', async (store) => {
    const images = await list(store, ({ name, target, labels }) => ({
      name,
      target,
      labels: formatLabels(labels) || '-',
    }));
    const summaries = await summariesOf(store, images);
    return images.map(({ name, target, labels }, place) => {
      const { size, platforms } = summaries[place]!;
      return [name, target.mediaType, target.digest, binarySize(size), platforms.join(',') || '-', labels];
    });
  });
  for (const part of tableParts([HEADER, ...rows])) await output.text(part);
};

export default run;
