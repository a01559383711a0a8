import { exportArchive } from '../../../archive/export.js';
import { parseDigest } from '../../../oci/digest.js';
import type { CommandBody } from '../../command.js';
import { findImages } from '../../find-images.js';
import { absentPlatforms, parsePlatforms } from '../../platforms.js';
import { asWritable, refuseTerminal } from '../../stdio.js';
import { binarySize } from '../../units.js';
import { usageError } from '../../usage-error.js';

export type ExportFlags = {
  readonly platform?: readonly string[];
  readonly allPlatforms?: boolean;
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
  for (const { name, platforms } of result.images) {
    const absent = absentPlatforms(platforms);
    if (absent !== '') this.output.note(`${JSON.stringify(name)}: the store does not hold ${absent}`);
  }
  if (toStandardOutput) return;
  if (this.output.json) return this.output.value(result);
  if (this.interactive) {
    const images = result.images.length === 1 ? '1 image' : `${result.images.length} images`;
    this.output.note(`exported ${images} to ${JSON.stringify(out)} (${binarySize(result.size)})`);
  }
};

export default run;

const COMMAND = ['images', 'export'];

function checkFlags(flags: ExportFlags, names: readonly string[]): void {
  if (flags.platform !== undefined && flags.allPlatforms === true) {
    throw usageError('--platform and --all-platforms exclude each other', COMMAND);
  }
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
