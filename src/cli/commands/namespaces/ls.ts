import type { NamespaceInfo } from '../../../images/namespaces.js';
import type { CommandBody } from '../../command.js';
import { formatLabels, sortLabels } from '../../labels.js';
import { formatTable } from '../../table.js';

export type NamespacesListFlags = {
  readonly quiet?: boolean;
};

const HEADER = ['NAME', 'LABELS'];

const run: CommandBody<NamespacesListFlags, []> = async function (flags) {
  const namespaces = await this.withStore('read', async (store) => {
    const found: NamespaceInfo[] = [];
    for await (const each of store.namespaces.list({ signal: this.signal })) found.push(each);
    return found;
  });
  if (flags.quiet === true) {
    const names = namespaces.map(({ name }) => name);
    return this.output.json ? this.output.value(names) : this.output.lines(names);
  }
  if (this.output.json) {
    return this.output.value(namespaces.map(({ name, labels }) => ({ name, labels: sortLabels(labels) })));
  }
  const rows = namespaces.map(({ name, labels }) => [name, formatLabels(labels)]);
  await this.output.text(formatTable([HEADER, ...rows]));
};

export default run;
