import { blobNotFound } from '../../../content/read-range.js';
import type { Digest } from '../../../oci/digest.js';
import type { CommandBody } from '../../command.js';
import { digestArgument } from '../../digest-argument.js';

const run: CommandBody<{}, string[]> = async function (_flags, ...texts) {
  const digests = new Set(texts.map((text) => digestArgument(text)));
  const removed = await this.withStore('remove', async (store) => {
    const removed: Digest[] = [];
    for (const digest of digests) {
      if (await store.content.delete(digest, { signal: this.signal })) removed.push(digest);
      else this.report(blobNotFound(digest));
    }
    return removed;
  });
  if (this.output.json) return this.output.value({ removed });
  await this.output.lines(removed);
};

export default run;
