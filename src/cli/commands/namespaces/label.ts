import { namespaceNotFound } from '../../../images/namespaces.js';
import type { CommandBody } from '../../command.js';
import { formatLabels, parseLabelChanges, sortLabels } from '../../labels.js';

const run: CommandBody<{}, string[]> = async function (_flags, ...args) {
  const [name, ...assignments] = args as [string, ...string[]];
  const changes = parseLabelChanges(assignments, ['namespaces', 'label']);
  const { signal } = this;
  const shows = assignments.length === 0;
  const info = await this.withStore(shows ? 'read' : 'change', ({ namespaces }) =>
    shows ? namespaces.get(name, { signal }) : namespaces.setLabels(name, changes, { signal }),
  );
  if (info === undefined) throw namespaceNotFound(name);
  const { labels } = info;
  if (this.output.json) return this.output.value({ name, labels: sortLabels(labels) });
  await this.output.lines([formatLabels(labels)]);
};

export default run;
