import { stat } from 'node:fs/promises';
import { sep } from 'node:path';
import { exportArchive } from '../../../archive/export.js';
import { exportLayout, type LayoutExportResult } from '../../../archive/export-layout.js';
import type { ArchiveFormat, ExportResult } from '../../../archive/export-options.js';
import { isStowageError } from '../../../errors.js';
import type { Store } from '../../../images/store.js';
import type { WritableCompression } from '../../../io/compression/compress.js';
import { parseDigest } from '../../../oci/digest.js';
import type { CommandBody } from '../../command.js';
import { countOf } from '../../count.js';
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
  readonly referrers?: boolean;
  readonly noReferrers?: boolean;
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
    referrers: flags.referrers ?? (flags.noReferrers === true ? false : undefined),
    skipNonDistributable: flags.skipNonDistributable,
    ociRefName: flags.ociRefName,
    manifest: flags.manifest === undefined ? undefined : parseDigest(flags.manifest),
    manifestType: flags.manifestType,
    signal: this.signal,
  };
  const tar = { format: flags.format, compress: flags.compress, skipManifestJson: flags.skipManifestJson };
  const toStandardOutput = out === '-';
  const toDirectory = !toStandardOutput && (await isDirectory(out));
  if (toDirectory) checkForDirectory(flags);
  if (toStandardOutput) refuseTerminal(this.stdout);
  const work = async (store: Store) => {
    // With a manifest given, the name is only what the archive will call it.
    const found = flags.manifest === undefined ? await findImages(store, names, this.signal) : names;
    const sink = toStandardOutput ? asWritable(this.stdout) : out;
    return this.withProgress('exporting', (onProgress): Promise<ExportResult | LayoutExportResult> => {
      if (toDirectory) return exportLayout(store, found, out, { ...options, onProgress });
      return exportArchive(store, found, sink, { ...options, ...tar, onProgress });
    });
  };
  const result = await this.withStore('change', work).catch((error: unknown) => {
    if (!isStoreFull(error)) throw error;
    this.output.note('the store is on a full disk: exporting without a lease, so remove nothing meanwhile');
    return this.withStore('read', work);
  });
  for (const image of result.images) for (const line of remarks(image)) this.output.note(line);
  if (toStandardOutput) return;
  if (this.output.json) return this.output.value(result);
  if (this.interactive) {
    const images = countOf(result.images.length, 'image');
    this.output.note(`exported ${images} to ${JSON.stringify(out)} (${binarySize(result.size)})`);
  }
};

export default run;

/**
 * Whether there was no space to write a lease or what it holds: that comes before the first byte goes out. A full
 * target is another matter.
 */
function isStoreFull(error: unknown): boolean {
  return isStowageError(error, 'NO_SPACE') && error.detail['sqlite'] !== undefined;
}

const COMMAND = ['images', 'export'];

/** What a person should know of an image that went out otherwise than it is in the store. */
function remarks({
  name,
  target,
  reducedFrom,
  platforms,
  missing,
  leftOut,
  previous,
}: LayoutExportResult['images'][number]): string[] {
  const about = (text: string) => `${JSON.stringify(name)}: ${text}`;
  const lines: string[] = [];
  if (leftOut) return [about('the store holds nothing of it, so it is left out')];
  if (reducedFrom !== undefined)
    lines.push(about(`the index was reduced, ${reducedFrom} became ${target.digest}`));
  if (previous !== undefined)
    lines.push(about(`moved from ${previous} to ${target.digest} in the directory`));
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
  if (flags.referrers === true && flags.noReferrers === true) {
    throw usageError('--referrers and --no-referrers exclude each other', COMMAND);
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
  const flag = [
    ['--reduce-index', flags.reduceIndex],
    ['--oci-ref-name', flags.ociRefName],
    ['--referrers', flags.referrers],
  ].find(([, value]) => value !== undefined)?.[0];
  if (flag !== undefined) {
    throw usageError(`${String(flag)} is about an index, and --format docker has none`, COMMAND);
  }
  if ((flags.platform?.length ?? 0) > 1) {
    throw usageError('--format docker holds one platform of an image, and several are given', COMMAND);
  }
}

/** A directory is a layout and nothing else. */
function checkForDirectory({ compress, format = 'oci' }: ExportFlags): void {
  if (compress !== undefined) throw usageError('--compress is for a tar, and <out> is a directory', COMMAND);
  if (format !== 'oci') {
    throw usageError(`--format ${format} is for a tar, and <out> is a directory, which holds OCI`, COMMAND);
  }
}

async function isDirectory(out: string): Promise<boolean> {
  if (out.endsWith('/') || out.endsWith(sep)) return true;
  // What else may be wrong with a path is said by whoever opens it.
  const stats = await stat(out).catch(() => undefined);
  return stats?.isDirectory() === true;
}
