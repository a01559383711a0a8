import { blobNotFound } from '../../../content/read-range.js';
import type { BlobInfo } from '../../../content/store.js';
import { parseDigest } from '../../../oci/digest.js';
import type { CommandBody } from '../../command.js';
import { formatLabels, parseLabelChanges, sortLabels } from '../../labels.js';

const run: CommandBody<{}, string[]> = async function (_flags, text, ...assignments) {
  const digest = parseDigest(text);
  const changes = parseLabelChanges(assignments, ['content', 'label']);
  const { signal } = this;
  let info: BlobInfo | undefined;
  if (assignments.length === 0) {
    info = await this.withStoreToRead((store) => store.content.info(digest, { signal }));
  } else {
    info = await this.withStoreToChange((store) => store.content.setLabels(digest, changes, { signal }));
  }
  if (info === undefined) throw blobNotFound(digest);
  if (this.output.json) return this.output.value({ digest, labels: sortLabels(info.labels) });
  await this.output.lines([formatLabels(info.labels)]);
};

export default run;
