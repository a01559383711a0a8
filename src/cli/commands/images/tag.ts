import { isStowageError, StowageError } from '../../../errors.js';
import { findImage } from '../../../images/lookup.js';
import type { ImageChange, ImageRecord, Store } from '../../../images/store.js';
import { parseAnyReference } from '../../../oci/docker-reference.js';
import type { CommandBody } from '../../command.js';

export type TagFlags = {
  readonly force?: boolean;
  readonly skipReferenceCheck?: boolean;
  readonly local?: boolean;
};

const run: CommandBody<TagFlags, string[]> = async function (flags, ...args) {
  const [source, ...others] = args as [string, ...string[]];
  const names = [...new Set(others)];
  if (flags.skipReferenceCheck !== true) names.forEach(checkName);
  await this.withStore(async (store) => {
    const image = await findImage(store.images, source, { signal: this.signal });
    const changes: ImageChange[] = [];
    for (const name of names)
      changes.push(...(await changesFor(store, image, name, flags.force === true, this.signal)));
    if (changes.length > 0) await store.images.apply(changes, { signal: this.signal });
  });
  if (this.output.json) return this.output.value({ tagged: names });
  await this.output.lines(names);
};

export default run;

async function changesFor(
  store: Store,
  { target, labels }: ImageRecord,
  name: string,
  force: boolean,
  signal: AbortSignal,
): Promise<ImageChange[]> {
  const held = await store.images.get(name, { signal });
  if (held === undefined) return [{ op: 'create', name, target, labels }];
  if (held.target.digest === target.digest) return [];
  if (!force) {
    throw new StowageError(
      'ALREADY_EXISTS',
      `Cannot tag ${JSON.stringify(name)}: it names another image, ${held.target.digest}`,
      { hint: '--force takes the name away from it', detail: { name, digest: held.target.digest } },
    );
  }
  return [{ op: 'update', name, target, labels, replaceLabels: true, ifTarget: held.target.digest }];
}

function checkName(name: string): void {
  try {
    parseAnyReference(name);
  } catch (error) {
    if (!isStowageError(error)) throw error;
    throw new StowageError(error.code, error.message, {
      hint: '--skip-reference-check stores any name as it is',
      detail: { name },
      cause: error,
    });
  }
}
