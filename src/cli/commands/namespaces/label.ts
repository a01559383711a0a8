import { namespaceNotFound, type NamespaceInfo } from '../../../images/namespaces.js';
import type { Store } from '../../../images/store.js';
import type { CommandBody } from '../../command.js';
import { formatLabels, parseLabelChanges, sortLabels } from '../../labels.js';

const run: CommandBody<{}, string[]> = async function (_flags, ...args) {
  const [name, ...assignments] = args as [string, ...string[]];
  const changes = parseLabelChanges(assignments, ['namespaces', 'label']);
  const { signal } = this;
  const show = async ({ namespaces }: Store): Promise<NamespaceInfo> => {
    const info = await namespaces.get(name, { signal });
    if (info === undefined) throw namespaceNotFound(name);
    return info;
  };
  const { labels } =
    assignments.length === 0
      ? await this.withStoreToRead(show)
      : await this.withStoreToChange((store) => store.namespaces.setLabels(name, changes, { signal }));
  if (this.output.json) return this.output.value({ name, labels: sortLabels(labels) });
  await this.output.lines([formatLabels(labels)]);
};

export default run;
