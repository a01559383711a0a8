import { planArchiveImport } from '../../../archive/import-dry-run.js';
import { importArchive } from '../../../archive/import.js';
import type {
  ConflictPolicy,
  ImportedImage,
  ImportOptions,
  ImportResult,
} from '../../../archive/import-options.js';
import { isStowageError, StowageError } from '../../../errors.js';
import type { CommandBody } from '../../command.js';
import { countOf } from '../../count.js';
import type { Output } from '../../output.js';
import { parseLabels } from '../../labels.js';
import { absentPlatforms, parsePlatforms, parseRequired } from '../../platforms.js';
import { archiveFromStandardInput } from '../../stdio.js';
import { usageError } from '../../usage-error.js';
import { formatReport } from './import-report.js';

export type ImportFlags = {
  readonly refObject?: string;
  readonly baseName?: string;
  readonly digests?: boolean;
  readonly skipDigestForNamed?: boolean;
  readonly indexName?: string;
  readonly label?: readonly string[];
  readonly platform?: readonly string[];
  readonly allPlatforms?: boolean;
  readonly require?: string;
  readonly onConflict?: ConflictPolicy;
  readonly dryRun?: boolean;
  readonly keepGoing?: boolean;
  readonly allBlobs?: boolean;
  readonly compressBlobs?: boolean;
  readonly noUnpack?: boolean;
  readonly local?: boolean;
  readonly syncFs?: boolean;
  readonly discardUnpackedLayers?: boolean;
  readonly snapshotter?: string;
};

const run: CommandBody<ImportFlags, string[]> = async function (flags, ...args) {
  const [ref, input] = args.length === 2 ? args : [undefined, args[0]];
  checkFlags(flags, ref);
  const options: ImportOptions = {
    ref,
    refObject: flags.refObject,
    baseName: flags.baseName,
    digests: flags.digests,
    skipDigestForNamed: flags.skipDigestForNamed,
    indexName: flags.indexName,
    labels: flags.label && parseLabels(flags.label, COMMAND),
    platforms: parsePlatforms(flags.platform),
    allPlatforms: flags.allPlatforms,
    require: parseRequired(flags.require),
    onConflict: flags.onConflict ?? 'move',
    // Whose of two a name is can only be left to chance by who says so.
    onDuplicate: flags.onConflict ?? 'error',
    keepGoing: flags.keepGoing,
    allBlobs: flags.allBlobs,
    compressBlobs: flags.compressBlobs,
    archiveName: input === '-' ? 'standard input' : undefined,
    signal: this.signal,
  };
  const source = input === '-' ? archiveFromStandardInput() : input!;
  const reportAll = (errors: readonly StowageError[]) => {
    // Images that claim the same name share the error that says so.
    for (const error of new Set(errors)) this.report(withFlags(error));
  };

  if (flags.dryRun === true) {
    const report = await this.withStore('read', (store) =>
      this.withProgress('planning', (onProgress) =>
        planArchiveImport(store, source, { ...options, onProgress }),
      ),
    );
    await (this.output.json
      ? this.output.value({ ...report, images: report.images.map(withPlainError) })
      : this.output.lines(formatReport(report)));
    return reportAll(report.images.flatMap(({ error }) => error ?? []));
  }

  const result = await this.withStore('write', (store) =>
    this.withProgress('importing', (onProgress) => importArchive(store, source, { ...options, onProgress })),
  ).catch((error: unknown) => {
    throw withFlags(error);
  });
  if (this.output.json) {
    await this.output.value({ ...result, refused: result.refused.map(withPlainError) });
  } else {
    tell(result, this.output, input!, ref);
    const lines = result.images
      .filter(({ outcome }) => outcome !== 'skipped')
      .map(({ name, target }) => `${name} ${target.digest}`);
    await this.output.lines(lines);
  }
  reportAll(result.refused.map(({ error }) => error));
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

/** A name that is taken is an error only because a flag says so. Anything else comes back as it is. */
function withFlags(error: unknown): unknown {
  if (!isStowageError(error, 'ALREADY_EXISTS')) return error;
  const hint = '--on-conflict move takes the name away from it, --on-conflict skip leaves it there';
  return new StowageError(error.code, error.message, { hint, detail: error.detail, cause: error });
}

/** An error as JSON shows it. */
function withPlainError<T extends { readonly error?: StowageError }>(image: T) {
  if (image.error === undefined) return image;
  const { code, message, hint } = image.error;
  return { ...image, error: { code, message, ...(hint === undefined ? {} : { hint }) } };
}

/** What a person should know beside names and digests. */
function tell(result: ImportResult, output: Output, input: string, ref: string | undefined): void {
  if (result.images.length + result.refused.length === 0) {
    output.note(`${JSON.stringify(input)} holds no images`);
  }
  for (const image of result.images) {
    if (image.outcome === 'moved') {
      output.note(`${quoted(image)} moved from ${image.previous} to ${image.target.digest}`);
    }
    if (image.outcome === 'skipped') output.note(skippedText(image, result));
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
  tellReferrers(result, output, ref);
}

function skippedText(image: ImportedImage, { images }: ImportResult): string {
  const winner = images.find(({ name, outcome }) => name === image.name && outcome !== 'skipped');
  return winner === undefined
    ? `${quoted(image)} still names ${image.previous}, skipped`
    : `${quoted(image)}: the archive calls ${image.target.digest} the same, skipped`;
}

function tellReferrers({ referrers }: ImportResult, output: Output, ref: string | undefined): void {
  const taken = referrers.filter(({ state }) => state === 'complete');
  if (taken.length > 0) output.note(`${countOf(taken.length, 'referrer')} came along`);
  for (const { digest, subject, state } of referrers) {
    if (state === 'damaged') output.warn(`referrer ${digest} of ${subject} is damaged, and was left out`);
    if (state === 'absent') output.note(`the archive does not hold referrer ${digest} of ${subject}`);
  }
  // Who asks for one image of many knows that what belongs to the others stays behind.
  const leftOut = ref === undefined ? referrers.filter(({ state }) => state === 'left-out') : [];
  if (leftOut.length > 0) {
    const how = 'to import one by itself: <ref> with --ref-object <digest>';
    output.note(
      `${countOf(leftOut.length, 'referrer')} left out, for what they refer to is not here; ${how}`,
    );
  }
}

function quoted({ name }: ImportedImage): string {
  return JSON.stringify(name);
}
