import { exportArchive } from '../../../archive/export.js';
import type { ArchiveFormat, ExportedImage } from '../../../archive/export-options.js';
import type { WritableCompression } from '../../../io/compression/compress.js';
import { parseDigest } from '../../../oci/digest.js';
import type { CommandBody } from '../../command.js';
import { findImages } from '../../find-images.js';
import { absentPlatforms, parsePlatforms, parseRequired } from '../../platforms.js';
import { asWritable, refuseTerminal } from '../../stdio.js';
import { binarySize } from '../../units.js';
import { usageError } from '../../usage-error.js';

export type ExportFlags = {
  readonly platform?: readonly string[];
  readonly allPlatforms?: boolean;
  readonly require?: string;
  readonly skipMissing?: boolean;
  readonly reduceIndex?: boolean;
  readonly format?: ArchiveFormat;
  readonly compress?: WritableCompression;
  readonly skipManifestJson?: boolean;
  readonly skipNonDistributable?: boolean;
  readonly ociRefName?: string;
  readonly manifest?: string;
  readonly manifestType?: string;
  readonly local?: boolean;
};

const run: CommandBody<ExportFlags, string[]> = async function (flags, ...args) {
  const [out, ...names] = args as [string, ...string[]];
  checkFlags(flags, names);
  const options = {
    platforms: parsePlatforms(flags.platform),
    allPlatforms: flags.allPlatforms,
    require: parseRequired(flags.require),
    skipMissing: flags.skipMissing,
    reduceIndex: flags.reduceIndex,
    format: flags.format,
    compress: flags.compress,
    skipManifestJson: flags.skipManifestJson,
    skipNonDistributable: flags.skipNonDistributable,
    ociRefName: flags.ociRefName,
    manifest: flags.manifest === undefined ? undefined : parseDigest(flags.manifest),
    manifestType: flags.manifestType,
    signal: this.signal,
  };
  const toStandardOutput = out === '-';
  if (toStandardOutput) refuseTerminal(this.stdout);
  const result = await this.withStore(async (store) => {
    // With a manifest given, the name is only what the archive will call it.
    const found = flags.manifest === undefined ? await findImages(store, names, this.signal) : names;
    const sink = toStandardOutput ? asWritable(this.stdout) : out;
    return this.withProgress('exporting', (onProgress) =>
      exportArchive(store, found, sink, { ...options, onProgress }),
    );
  });
  for (const image of result.images) for (const line of remarks(image)) this.output.note(line);
  if (toStandardOutput) return;
  if (this.output.json) return this.output.value(result);
  if (this.interactive) {
    const images = result.images.length === 1 ? '1 image' : `${result.images.length} images`;
    this.output.note(`exported ${images} to ${JSON.stringify(out)} (${binarySize(result.size)})`);
  }
};

export default run;

const COMMAND = ['images', 'export'];

/** What a person should know of an image that went out otherwise than it is in the store. */
function remarks({ name, target, reducedFrom, platforms, missing }: ExportedImage): string[] {
  const about = (text: string) => `${JSON.stringify(name)}: ${text}`;
  const lines: string[] = [];
  if (missing.includes(target.digest)) return [about('the store holds nothing of it, it is left out')];
  if (reducedFrom !== undefined)
    lines.push(about(`the index was reduced, ${reducedFrom} became ${target.digest}`));
  const absent = absentPlatforms(platforms);
  if (absent !== '' && reducedFrom === undefined) lines.push(about(`the store does not hold ${absent}`));
  if (missing.length > 0) lines.push(about(`the archive lacks ${missing.join(', ')}`));
  return lines;
}

function checkFlags(flags: ExportFlags, names: readonly string[]): void {
  if (flags.platform !== undefined && flags.allPlatforms === true) {
    throw usageError('--platform and --all-platforms exclude each other', COMMAND);
  }
  const everything = flags.require ?? (flags.allPlatforms === true ? 'all' : 'present');
  if (flags.skipMissing === true && everything !== 'present') {
    throw usageError('--skip-missing accepts what --require and --all-platforms do not', COMMAND);
  }
  checkFormat(flags);
  for (const [flag, value] of [
    ['--manifest', flags.manifest],
    ['--oci-ref-name', flags.ociRefName],
  ]) {
    if (value !== undefined && names.length > 1)
      throw usageError(`${flag} is about one image, and several are named`, COMMAND);
  }
  if (flags.manifestType !== undefined && flags.manifest === undefined) {
    throw usageError('--manifest-type says what --manifest is, which is not given', COMMAND);
  }
}

function checkFormat({ format, ...flags }: ExportFlags): void {
  if (flags.skipManifestJson === true && format !== undefined && format !== 'oci') {
    throw usageError(`--skip-manifest-json and --format ${format} exclude each other`, COMMAND);
  }
  if (format !== 'docker') return;
  if (flags.reduceIndex === true || flags.ociRefName !== undefined) {
    const flag = flags.reduceIndex === true ? '--reduce-index' : '--oci-ref-name';
    throw usageError(`${flag} is about an index, and --format docker has none`, COMMAND);
  }
  if ((flags.platform?.length ?? 0) > 1) {
    throw usageError('--format docker holds one platform of an image, and several are given', COMMAND);
  }
}
