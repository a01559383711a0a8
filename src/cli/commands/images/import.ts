import { importArchive } from '../../../archive/import.js';
import type { ConflictPolicy, ImportedImage, ImportResult } from '../../../archive/import-options.js';
import { isStowageError, StowageError } from '../../../errors.js';
import type { CommandBody } from '../../command.js';
import type { Output } from '../../output.js';
import { parseLabels } from '../../labels.js';
import { absentPlatforms, parsePlatforms } from '../../platforms.js';
import { archiveFromStandardInput } from '../../stdio.js';
import { usageError } from '../../usage-error.js';

export type ImportFlags = {
  readonly refObject?: string;
  readonly baseName?: string;
  readonly digests?: boolean;
  readonly skipDigestForNamed?: boolean;
  readonly indexName?: string;
  readonly label?: readonly string[];
  readonly platform?: readonly string[];
  readonly allPlatforms?: boolean;
  readonly onConflict?: ConflictPolicy;
  readonly allBlobs?: boolean;
  readonly noUnpack?: boolean;
  readonly local?: boolean;
  readonly syncFs?: boolean;
  readonly discardUnpackedLayers?: boolean;
  readonly snapshotter?: string;
};

const run: CommandBody<ImportFlags, string[]> = async function (flags, ...args) {
  const [ref, input] = args.length === 2 ? args : [undefined, args[0]];
  checkFlags(flags, ref);
  const options = {
    ref,
    refObject: flags.refObject,
    baseName: flags.baseName,
    digests: flags.digests,
    skipDigestForNamed: flags.skipDigestForNamed,
    indexName: flags.indexName,
    labels: flags.label && parseLabels(flags.label, COMMAND),
    platforms: parsePlatforms(flags.platform),
    allPlatforms: flags.allPlatforms,
    onConflict: flags.onConflict ?? 'move',
    allBlobs: flags.allBlobs,
    archiveName: input === '-' ? 'standard input' : undefined,
    signal: this.signal,
  };
  const source = input === '-' ? archiveFromStandardInput() : input!;
  const result = await this.withStore((store) =>
    this.withProgress('importing', (onProgress) => importArchive(store, source, { ...options, onProgress })),
  ).catch(explainConflict);
  if (this.output.json) return this.output.value(result);
  tell(result, this.output, input!);
  const lines = result.images
    .filter(({ outcome }) => outcome !== 'skipped')
    .map(({ name, target }) => `${name} ${target.digest}`);
  await this.output.lines(lines);
};

export default run;

const COMMAND = ['images', 'import'];

function checkFlags(flags: ImportFlags, ref: string | undefined): void {
  if (flags.skipDigestForNamed === true && flags.digests !== true) {
    throw usageError('--skip-digest-for-named must be given together with --digests', COMMAND);
  }
  if (flags.platform !== undefined && flags.allPlatforms === true) {
    throw usageError('--platform and --all-platforms exclude each other', COMMAND);
  }
  if (ref === undefined) {
    if (flags.refObject !== undefined) throw usageError('--ref-object needs a <ref> before <in>', COMMAND);
    return;
  }
  const naming = [
    ['--base-name', flags.baseName],
    ['--digests', flags.digests],
    ['--index-name', flags.indexName],
  ].find(([, value]) => value !== undefined);
  if (naming !== undefined) {
    throw usageError(
      `${String(naming[0])} is about names from the archive, and <ref> already says the name`,
      COMMAND,
    );
  }
}

/** A name that is taken is an error only because a flag says so. */
function explainConflict(error: unknown): never {
  if (!isStowageError(error, 'ALREADY_EXISTS')) throw error;
  const hint = '--on-conflict move takes the name away from it, --on-conflict skip leaves it there';
  throw new StowageError(error.code, error.message, { hint, detail: error.detail, cause: error });
}

/** What a person should know beside names and digests. */
function tell(result: ImportResult, output: Output, input: string): void {
  if (result.images.length === 0) output.note(`${JSON.stringify(input)} holds no images`);
  for (const image of result.images) {
    if (image.outcome === 'moved') {
      output.note(`${quoted(image)} moved from ${image.previous} to ${image.target.digest}`);
    }
    if (image.outcome === 'skipped') output.note(`${quoted(image)} still names ${image.previous}, skipped`);
    const absent = absentPlatforms(image.platforms);
    if (absent !== '') output.note(`${quoted(image)}: the archive does not hold ${absent}`);
  }
  const unnamed = result.images.filter((image) => image.unnamed);
  if (unnamed.length > 0) {
    const what = unnamed.length === 1 ? 'one image has' : `${unnamed.length} images have`;
    output.note(
      `${what} no name in the archive; to give one: stowage images tag ${unnamed[0]!.name} <your-name>`,
    );
  }
}

function quoted({ name }: ImportedImage): string {
  return JSON.stringify(name);
}
