import { blobNotFound } from '../../../content/read-range.js';
import type { CommandBody } from '../../command.js';
import { digestArgument } from '../../digest-argument.js';
import { formatLabels, parseLabelChanges, sortLabels } from '../../labels.js';

const run: CommandBody<{}, string[]> = async function (_flags, text, ...assignments) {
  const digest = digestArgument(text);
  const changes = parseLabelChanges(assignments, ['content', 'label']);
  const { signal } = this;
  const shows = assignments.length === 0;
  const info = await this.withStore(shows ? 'read' : 'change', ({ content }) =>
    shows ? content.info(digest, { signal }) : content.setLabels(digest, changes, { signal }),
  );
  if (info === undefined) throw blobNotFound(digest);
  if (this.output.json) return this.output.value({ digest, labels: sortLabels(info.labels) });
  await this.output.lines([formatLabels(info.labels)]);
};

export default run;
