import { findImage } from '../../../images/lookup.js';
import type { CommandBody } from '../../command.js';
import { formatLabels, parseLabelChanges, sortLabels } from '../../labels.js';

export type LabelFlags = {
  readonly replaceAll?: boolean;
};

const run: CommandBody<LabelFlags, string[]> = async function (flags, ...args) {
  const [name, ...assignments] = args as [string, ...string[]];
  const labels = parseLabelChanges(assignments, ['images', 'label']);
  const replaceLabels = flags.replaceAll === true;
  const shows = assignments.length === 0 && !replaceLabels;
  const record = await this.withStore(shows ? 'read' : 'change', async (store) => {
    const image = await findImage(store.images, name, { signal: this.signal });
    if (shows) return image;
    const change = { op: 'update', name: image.name, labels, replaceLabels } as const;
    return (await store.images.apply([change], { signal: this.signal }))[0]!;
  });
  if (this.output.json) return this.output.value({ name: record.name, labels: sortLabels(record.labels) });
  await this.output.lines([formatLabels(record.labels)]);
};

export default run;
