import { StowageError } from '../errors.js';
import type { Descriptor } from '../oci/descriptor.js';
import { archiveNames, type ArchiveNameOptions } from './names/archive-names.js';
import type { NamedTarget } from './names/named-target.js';
import { matchObject, referenceObject } from './names/reference-object.js';

export interface NamingOptions extends Omit<ArchiveNameOptions, 'now'> {
  readonly ref?: string | undefined;
  readonly refObject?: string | undefined;
}

/** @throws {StowageError} INVALID for options about names that contradict each other. */
export function checkNaming(options: NamingOptions): void {
  const refuse = (problem: string, hint: string) =>
    new StowageError('INVALID', `Cannot import an archive: ${problem}`, { hint });
  if (options.ref === undefined) {
    if (options.refObject !== undefined) {
      throw refuse(
        'an object inside the archive is given, but no name for it',
        'give the name to import it as',
      );
    }
  } else {
    const others = ['baseName', 'indexName'] as const;
    const other =
      others.find((key) => options[key] !== undefined) ?? (options.digests ? 'digests' : undefined);
    if (other !== undefined) {
      throw refuse(
        `a name is given (${JSON.stringify(options.ref)}) and also ${other}, which is for names from the archive`,
        'leave one of them out',
      );
    }
    if (options.ref === '') throw refuse('the name is empty', 'give a name such as "foo/new:latest"');
  }
  if (options.skipDigestForNamed === true && options.digests !== true) {
    throw refuse('skipDigestForNamed is given without digests', 'give both, or neither');
  }
}

/** The images of an archive that are meant, under the names they are to get. */
export function namesFor(
  entries: readonly Descriptor[],
  index: Descriptor,
  archive: string,
  options: NamingOptions,
): NamedTarget[] {
  const { ref } = options;
  if (ref === undefined) return archiveNames(entries, index, { ...options, now: new Date() }, archive);
  const object = referenceObject(ref, options.refObject, entries, archive);
  const target = matchObject(ref, object, entries, archive);
  return [{ name: ref, target, chosen: true, unnamed: false }];
}
