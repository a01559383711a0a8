import { findImage } from '../../../images/lookup.js';
import type { CommandBody } from '../../command.js';
import { readTree } from '../../image-tree.js';
import { formatTree } from '../../format-tree.js';
import { sortLabels } from '../../labels.js';

export type InspectFlags = {
  readonly content?: boolean;
};

const run: CommandBody<InspectFlags, [string]> = async function (flags, name) {
  const { record, tree } = await this.withStore('read', async (store) => {
    const image = await findImage(store.images, name, { signal: this.signal });
    const withContent = flags.content === true;
    return {
      record: image,
      tree: await readTree(store.content, image.target, { withContent, signal: this.signal }),
    };
  });
  if (!this.output.json) return this.output.text(formatTree(record, tree));
  const { createdAt, updatedAt } = record;
  await this.output.value({
    name: record.name,
    labels: sortLabels(record.labels),
    createdAt,
    updatedAt,
    target: tree,
  });
};

export default run;
