import { isStowageError, StowageError } from '../../errors.js';
import { decompress } from '../../io/compression/decompress.js';
import { CopyLanes } from '../../io/copy-lanes.js';
import type { Digest } from '../../oci/digest.js';
import { parseOciLayout } from '../../oci/layout.js';
import type { ImageDocument } from '../../oci/manifest.js';
import { OCI_INDEX } from '../../oci/media-type.js';
import { openArchive, type ArchiveSource } from '../archive-source.js';
import { checkBlobs, checkUnused } from './check-blobs.js';
import { checkDocker } from './check-docker.js';
import { checkDocument, reasonOf } from './check-document.js';
import { checkImages } from './check-images.js';
import { checkTree } from './check-tree.js';
import { Findings } from './findings.js';
import { Inventory } from './inventory.js';
import { readTarFile, readTarStream } from './read-archive.js';
import { readFolder } from './read-folder.js';
import type { Verdict, VerifiedImage, VerifyOptions, VerifyReport } from './report.js';

/**
 * Judges an image archive or an unpacked layout without a store: everything that can be said about it from its own
 * bytes, not only the first thing that is wrong. Nothing is written anywhere. A stream is read once; memory does not
 * grow with the archive.
 *
 * @throws {StowageError} INVALID or UNSUPPORTED for what is no image archive at all; what the system says of a path
 *   that cannot be read; and `signal.reason` once aborted. Whatever is wrong inside is in the report.
 */
export async function verifyArchive(
  source: ArchiveSource,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  const { signal, onProgress } = options;
  signal?.throwIfAborted();
  const archive = await openArchive(source, options.archiveName);
  const lanes = new CopyLanes(options);
  try {
    const { what } = archive;
    const inventory = new Inventory(what, new Findings());
    const reading = { lanes, signal, onProgress };
    if (archive.kind === 'directory') await readFolder(archive.path, inventory, reading);
    else if (archive.kind === 'file') await readTarFile(archive.file, inventory, reading);
    else await readTarStream(decompress(archive.chunks, { signal, what }), inventory, reading);
    return await judge(inventory, options);
  } finally {
    await lanes.close();
    await archive[Symbol.asyncDispose]();
  }
}

async function judge(inventory: Inventory, options: VerifyOptions): Promise<VerifyReport> {
  const { findings } = inventory;
  const format = formatOf(inventory);
  checkBlobs(inventory);
  const used = new Set<Digest>();
  let images: VerifiedImage[] = [];
  const index = format === 'docker' ? undefined : checkLayout(inventory);
  const tree = index === undefined ? undefined : await checkTree(index, inventory);
  if (index !== undefined && tree !== undefined) {
    for (const digest of tree.used) used.add(digest);
    const { signal, require = 'present' } = options;
    images = await checkImages(index, tree, inventory, { signal, require });
  }
  // Of an archive that is both, the layout says what it holds; Docker's own words are judged all the same.
  const docker = await checkDocker(inventory, used, options);
  if (index === undefined) images = docker;
  if (tree === undefined || tree.unreadable.size === 0) checkUnused(inventory, used);
  if (!inventory.endMarked) checkEnd(inventory);
  const { error: errors, warning: warnings, note: notes } = findings.counts;
  return {
    verdict: verdictOf(findings),
    format,
    images,
    findings: findings.list(),
    errors,
    warnings,
    notes,
    blobs: countsOf(inventory),
  };
}

function formatOf({ present, blobs, what, cutOff }: Inventory): VerifyReport['format'] {
  const isDocker = present.has('docker-manifest') || present.has('docker-repositories');
  if (present.has('index') || present.has('oci-layout')) return isDocker ? 'oci+docker' : 'oci';
  if (isDocker) return 'docker';
  if (blobs.size > 0 || cutOff) return 'oci';
  throw new StowageError('INVALID', `Cannot verify ${what}: it is no image archive, it has no index.json`, {
    hint: 'an image archive has oci-layout, index.json and blobs at its top level, or manifest.json where Docker made it',
  });
}

/** The files that make a layout one. Answers its index, if that can be read. */
function checkLayout({
  documents,
  present,
  findings,
}: Inventory): Extract<ImageDocument, { kind: 'index' }> | undefined {
  for (const [role, name] of [
    ['oci-layout', 'oci-layout'],
    ['index', 'index.json'],
  ] as const) {
    if (present.has(role)) continue;
    findings.add({
      severity: 'error',
      code: 'layout-missing',
      where: name,
      message: 'it is not there, and every image layout has one',
    });
  }
  const layout = documents.get('oci-layout');
  if (layout !== undefined) checkVersion(layout, findings);
  const raw = documents.get('index');
  if (raw === undefined) return undefined;
  const index = checkDocument({ raw, mediaType: OCI_INDEX, where: 'index.json' }, findings);
  return index?.kind === 'index' ? index : undefined;
}

function checkVersion(raw: Uint8Array, findings: Findings): void {
  try {
    parseOciLayout(raw, 'it');
  } catch (error) {
    if (!isStowageError(error)) throw error;
    findings.add({
      severity: 'error',
      code: error.code === 'UNSUPPORTED' ? 'layout-version' : 'document-invalid',
      where: 'oci-layout',
      message: reasonOf(error),
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}

/** A tar without an end mark may be whole; one that lacks something as well was cut off. */
function checkEnd({ findings, what }: Inventory): void {
  const lacks = findings
    .list()
    .some(({ code }) => code === 'blob-missing' || code === 'image-absent' || code === 'layout-missing');
  findings.add({
    severity: lacks ? 'error' : 'warning',
    code: 'archive-cut-off',
    where: what,
    message: lacks
      ? 'it has no end mark, and lacks something'
      : 'it has no end mark, so nobody can tell whether it is whole',
    ...(lacks ? { hint: 'copy or download the archive again' } : {}),
  });
}

function verdictOf({ counts, broken }: Findings): Verdict {
  if (counts.error === 0) return 'sound';
  return broken ? 'broken' : 'incomplete';
}

function countsOf({ blobs, others }: Inventory): VerifyReport['blobs'] {
  const read = [...blobs.values(), ...others].filter(({ observed }) => observed !== undefined);
  return { count: read.length, bytes: read.reduce((sum, { size }) => sum + size, 0) };
}
