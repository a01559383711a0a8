import type { CommandBody } from '../../command.js';
import { parseLabels, sortLabels } from '../../labels.js';

const run: CommandBody<{}, string[]> = async function (_flags, ...args) {
  const [name, ...assignments] = args as [string, ...string[]];
  const labels = parseLabels(assignments, ['namespaces', 'create']);
  const created = await this.withStore('write', (store) =>
    store.namespaces.create(name, { labels, signal: this.signal }),
  );
  if (this.output.json) await this.output.value({ name, labels: sortLabels(created.labels) });
};

export default run;
