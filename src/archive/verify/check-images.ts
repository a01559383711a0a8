import {
  inspectImage,
  inspectionKey,
  type Inspection,
  type ManifestState,
} from '../../content/completeness.js';
import type { CallOptions, Reader } from '../../content/store.js';
import { blobNotFound } from '../../content/read-range.js';
import { isStowageError } from '../../errors.js';
import { IMAGE_NAME, REF_NAME } from '../../oci/annotation.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import { parseImageConfig, platformOfConfig } from '../../oci/image-config.js';
import { MANIFEST_LIMIT } from '../../oci/json.js';
import type { ImageIndex } from '../../oci/manifest.js';
import { isImageConfig } from '../../oci/media-type.js';
import { formatPlatform } from '../../oci/platform-specifier.js';
import { normalizePlatform, type Platform } from '../../oci/platform.js';
import type { Tree } from './check-tree.js';
import type { Inventory } from './inventory.js';
import type { VerifiedImage, VerifiedPlatform } from './report.js';

export interface ImagesToCheck extends CallOptions {
  readonly require: 'present' | 'all';
}

/** What is there of every image of a layout, platform by platform. */
export async function checkImages(
  index: ImageIndex,
  tree: Tree,
  inventory: Inventory,
  options: ImagesToCheck,
): Promise<VerifiedImage[]> {
  checkNames(index, inventory);
  const reader = readerOf(inventory);
  const images: VerifiedImage[] = [];
  // The same image under many names is looked at once.
  const known = new Map<string, readonly VerifiedPlatform[]>();
  let listed = 0;
  for (const [at, target] of index.manifests.entries()) {
    options.signal?.throwIfAborted();
    const where = `index.json: manifests[${at}]`;
    const key = inspectionKey(target);
    const platforms = known.get(key) ?? (await platformsOf(target, tree, inventory, reader, options));
    known.set(key, platforms);
    listed += platforms.length;
    if (listed > PLATFORM_LIMIT) {
      inventory.findings.add({
        severity: 'error',
        code: 'archive-limit',
        where,
        message: `there are more than ${PLATFORM_LIMIT} platforms of images, the others are not listed`,
      });
      break;
    }
    checkAbsence(platforms, where, inventory, options.require);
    const name = nameOf(target);
    const subject = tree.documents.get(target.digest)?.subject;
    images.push({
      ...(name === undefined ? {} : { name }),
      digest: target.digest,
      mediaType: target.mediaType,
      ...(subject === undefined
        ? {}
        : { subject: { digest: subject.digest, present: inventory.blobs.has(subject.digest) } }),
      platforms,
    });
  }
  return images;
}

/** Platforms of all images together that are listed. */
const PLATFORM_LIMIT = 100_000;

async function platformsOf(
  target: Descriptor,
  tree: Tree,
  inventory: Inventory,
  reader: Reader,
  options: CallOptions,
): Promise<readonly VerifiedPlatform[]> {
  const inspection = await inspect(target, tree, inventory, reader, options);
  if (inspection === undefined) return [{ digest: target.digest, state: 'broken' }];
  await checkPlatforms(inspection, tree, inventory);
  return inspection.manifests.map((manifest) => platformOf(manifest, tree, inventory));
}

/** What the archive calls an image. */
function nameOf({ annotations = {} }: Descriptor): string | undefined {
  return [annotations[IMAGE_NAME], annotations[REF_NAME]].find((name) => name !== undefined && name !== '');
}

/** Two manifests of one name are one image only if they are of different platforms. */
function checkNames({ manifests }: ImageIndex, { findings }: Inventory): void {
  const seen = new Map<string, Digest>();
  for (const [at, target] of manifests.entries()) {
    const name = nameOf(target);
    if (name === undefined) continue;
    const platform = target.platform === undefined ? '' : formatPlatform(normalizePlatform(target.platform));
    const key = `${name} ${platform}`;
    const other = seen.get(key);
    seen.set(key, other ?? target.digest);
    if (other === undefined || other === target.digest) continue;
    findings.add({
      severity: 'warning',
      code: 'name-conflict',
      where: `index.json: manifests[${at}]`,
      message: `${JSON.stringify(name)} is ${target.digest} here, and ${other} before`,
      hint: 'an import by this name takes one of the two, or refuses both',
    });
  }
}

/** Undefined for an image that is too contradictory to be looked at as one; findings say why. */
async function inspect(
  target: Descriptor,
  tree: Tree,
  { blobs, findings }: Inventory,
  reader: Reader,
  options: CallOptions,
): Promise<Inspection | undefined> {
  const isThere = (digest: Digest) => blobs.has(digest) && !tree.unreadable.has(digest);
  try {
    return await inspectImage(
      async (targets) => new Set(targets.map(({ digest }) => digest).filter(isThere)),
      reader,
      target,
      options,
    );
  } catch (error) {
    if (!isStowageError(error)) throw error;
    findings.add({
      severity: 'error',
      code:
        error.code === 'LIMIT_EXCEEDED' || error.code === 'NOT_FOUND'
          ? 'archive-limit'
          : error.code === 'MISMATCH'
            ? 'blob-size'
            : 'document-invalid',
      where: `image ${target.digest}`,
      message: error.message.replace(/^Cannot (?:inspect|read) .*?": /, ''),
      digest: target.digest,
    });
    return undefined;
  }
}

function platformOf(manifest: ManifestState, tree: Tree, { blobs, findings }: Inventory): VerifiedPlatform {
  const { digest } = manifest.descriptor;
  const isBroken =
    tree.unreadable.has(digest) ||
    manifest.state === 'damaged' ||
    (blobs.has(digest) &&
      [manifest.descriptor, ...manifest.held].some((part) => findings.blames(part.digest)));
  return {
    ...(manifest.platform === undefined
      ? {}
      : { platform: formatPlatform(normalizePlatform(manifest.platform)) }),
    digest,
    state: isBroken ? 'broken' : manifest.state === 'absent' ? 'absent' : 'sound',
    ...(manifest.attests === undefined ? {} : { attests: manifest.attests }),
  };
}

function checkAbsence(
  platforms: readonly VerifiedPlatform[],
  where: string,
  { findings }: Inventory,
  require: 'present' | 'all',
): void {
  const own = platforms.filter(({ attests }) => attests === undefined);
  const absent = own.filter(({ state }) => state === 'absent');
  if (own.length > 0 && absent.length === own.length) {
    findings.add({
      severity: 'error',
      code: 'image-absent',
      where,
      message: 'nothing of this image is there',
      hint: 'make the archive again where the image is complete',
    });
    return;
  }
  for (const { platform, digest } of absent) {
    findings.add({
      severity: require === 'all' ? 'error' : 'note',
      code: 'platform-absent',
      where,
      message: platform === undefined ? `${digest} is not there` : `${platform} (${digest}) is not there`,
    });
  }
}

/** An index and the configurations below it have to agree on what is for whom. */
async function checkPlatforms({ manifests }: Inspection, tree: Tree, inventory: Inventory): Promise<void> {
  for (const { descriptor } of manifests) {
    const document = tree.documents.get(descriptor.digest);
    if (descriptor.platform === undefined || document?.kind !== 'manifest') continue;
    const actual = await configPlatform(document.config, inventory);
    const file = inventory.blobs.get(descriptor.digest);
    if (actual === undefined || file === undefined || sameMachine(descriptor.platform, actual)) continue;
    const [stated, meant] = [descriptor.platform, actual].map((each) =>
      formatPlatform(normalizePlatform(each)),
    );
    inventory.findings.add({
      severity: 'warning',
      code: 'platform-mismatch',
      where: file.entry,
      message: `an index calls it ${stated}, and its configuration ${meant}`,
      hint: 'it is chosen for machines that it may not run on',
    });
  }
}

async function configPlatform(config: Descriptor, inventory: Inventory): Promise<Platform | undefined> {
  const file = inventory.blobs.get(config.digest);
  if (!isImageConfig(config.mediaType) || file === undefined || inventory.findings.blames(config.digest)) {
    return undefined;
  }
  const raw = await inventory.bytesOf(file, MANIFEST_LIMIT);
  if (raw === undefined) return undefined;
  try {
    return platformOfConfig(parseImageConfig(raw, 'it'));
  } catch (error) {
    // It was judged, and found wanting, before.
    if (isStowageError(error)) return undefined;
    throw error;
  }
}

/** A variant that one of the two does not state is no contradiction. */
function sameMachine(stated: Platform, actual: Platform): boolean {
  const [a, b] = [normalizePlatform(stated), normalizePlatform(actual)];
  const variants = stated.variant === undefined || actual.variant === undefined || a.variant === b.variant;
  return a.os === b.os && a.architecture === b.architecture && variants;
}

function readerOf(inventory: Inventory): Reader {
  return {
    async stat({ digest }) {
      const size = inventory.blobs.get(digest)?.size;
      return size === undefined ? undefined : { digest, size };
    },
    async *read({ digest }) {
      const file = inventory.blobs.get(digest);
      const bytes = file === undefined ? undefined : await inventory.bytesOf(file, MANIFEST_LIMIT);
      if (bytes === undefined) throw blobNotFound(digest);
      yield bytes;
    },
  };
}
