import { imageUsage } from '../../../images/usage.js';
import type { CommandBody } from '../../command.js';
import { findImages } from '../../find-images.js';
import { formatTable } from '../../table.js';
import { binarySize } from '../../units.js';

export type UsageFlags = {
  readonly snapshotter?: string;
};

const HEADER = ['REF', 'SIZE', 'OWN', 'SHARED'];

const run: CommandBody<UsageFlags, string[]> = async function (_flags, ...args) {
  const { signal } = this;
  const usage = await this.withStore('read', async (store) => {
    const names = new Set(await findImages(store, args, signal));
    return imageUsage(store, ({ name }) => args.length === 0 || names.has(name), { signal });
  });
  for (const { record, problem } of usage.images) {
    if (problem !== undefined) this.output.warn(`image ${JSON.stringify(record.name)}: ${problem.message}`);
  }
  const images = usage.images.map(({ record: { name, target }, own, shared }) => ({
    name,
    digest: target.digest,
    size: own + shared,
    own,
    shared,
  }));
  const own = images.reduce((sum, image) => sum + image.own, 0);
  const total = { size: usage.total, own, shared: usage.total - own };
  if (this.output.json) return this.output.value({ images, total });
  const rows = [...images, { name: 'TOTAL', ...total }].map((row) => [
    row.name,
    binarySize(row.size),
    binarySize(row.own),
    binarySize(row.shared),
  ]);
  await this.output.text(formatTable([HEADER, ...rows]));
};

export default run;
