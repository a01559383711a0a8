import { isStowageError, StowageError } from '../../../errors.js';
import { tagImage } from '../../../images/tag.js';
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
  await this.withStore('change', (store) =>
    tagImage(store, source, names, { force: flags.force === true, signal: this.signal }),
  ).catch((error: unknown) => {
    throw withFlag(error);
  });
  if (this.output.json) return this.output.value({ tagged: names });
  await this.output.lines(names);
};

export default run;

/** A name that is taken is an error only because no flag says otherwise. */
function withFlag(error: unknown): unknown {
  if (!isStowageError(error, 'ALREADY_EXISTS')) return error;
  const hint = '--force takes the name away from it';
  return new StowageError(error.code, error.message, { hint, detail: error.detail, cause: error });
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
