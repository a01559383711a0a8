import { DEPTH_LIMIT } from '../../content/depth-limit.js';
import { isDocument } from '../../content/read.js';
import { digestOf } from '../../io/hash.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { inlineData } from '../../oci/descriptor.js';
import { algorithmOf, type Digest } from '../../oci/digest.js';
import { MANIFEST_LIMIT } from '../../oci/json.js';
import type { ImageDocument, ImageIndex } from '../../oci/manifest.js';
import { isNonDistributable } from '../../oci/media-type.js';
import { checkAnnotations } from './check-annotations.js';
import { short } from './check-blobs.js';
import { checkConfig } from './check-config.js';
import { checkDocument } from './check-document.js';
import { NO_BYTES, type Inventory } from './inventory.js';

/** What the documents of a layout say, as far as they can be read. */
export interface Tree {
  /** Manifests and indexes that are there and readable. */
  readonly documents: ReadonlyMap<Digest, ImageDocument>;
  /** Those that are there and are not. */
  readonly unreadable: ReadonlySet<Digest>;
  /** Every blob that something refers to. */
  readonly used: ReadonlySet<Digest>;
}

interface Visit {
  readonly descriptor: Descriptor;
  /** Where the descriptor stands. */
  readonly where: string;
  /** The blob the descriptor stands in; undefined for the index of the layout. */
  readonly parent: Digest | undefined;
  readonly role: 'entry' | 'part' | 'subject';
  readonly depth: number;
}

/**
 * Follows every descriptor from the index of a layout downwards, and judges it and what it points to. Each document is
 * read once, however often it is referred to.
 */
export async function checkTree(index: ImageIndex, inventory: Inventory): Promise<Tree> {
  const { findings } = inventory;
  const documents = new Map<Digest, ImageDocument>();
  const unreadable = new Set<Digest>();
  const used = new Set<Digest>();
  const asked = new Set<string>();
  const queue: Visit[] = visitsOf(index, 'index.json', undefined, 0);

  checkAnnotations(index.annotations, 'index.json: annotations', findings);
  for (let visit = queue.pop(); visit !== undefined; visit = queue.pop()) {
    const { descriptor, where, depth } = visit;
    const { digest, mediaType } = descriptor;
    if (visit.role !== 'subject') used.add(digest);
    checkDescriptor(visit, inventory);
    const file = inventory.blobs.get(digest);
    if (file === undefined || !isDocument(descriptor)) continue;
    const key = `${digest} ${mediaType}`;
    if (asked.has(key)) continue;
    asked.add(key);
    if (depth > DEPTH_LIMIT) {
      findings.add({
        severity: 'error',
        code: 'archive-limit',
        where,
        message: `documents are nested deeper than ${DEPTH_LIMIT}, what is below is not looked at`,
        digest,
      });
      unreadable.add(digest);
      continue;
    }
    // What is not what it is called says nothing about the image that was meant.
    const document = findings.blames(digest) ? undefined : await readDocument(descriptor, inventory);
    if (document === undefined) {
      unreadable.add(digest);
      continue;
    }
    documents.set(digest, document);
    checkAnnotations(document.annotations, `${file.entry}: annotations`, findings);
    if (document.kind === 'manifest') await checkConfig(document, digest, file.entry, inventory);
    queue.push(...visitsOf(document, file.entry, digest, depth + 1));
  }
  for (const digest of documents.keys()) unreadable.delete(digest);
  return { documents, unreadable, used };
}

/** In the order of the document; the queue is taken from its end. */
function visitsOf(document: ImageDocument, file: string, parent: Digest | undefined, depth: number): Visit[] {
  const of = (descriptor: Descriptor, path: string, role: Visit['role']): Visit => ({
    descriptor,
    where: `${file}: ${path}`,
    parent,
    role,
    depth,
  });
  const visits =
    document.kind === 'index'
      ? document.manifests.map((child, at) => of(child, `manifests[${at}]`, 'entry'))
      : [
          of(document.config, 'config', 'part'),
          ...document.layers.map((layer, at) => of(layer, `layers[${at}]`, 'part')),
        ];
  if (document.subject !== undefined) visits.push(of(document.subject, 'subject', 'subject'));
  return visits.reverse();
}

function checkDescriptor({ descriptor, where, parent, role }: Visit, { blobs, findings }: Inventory): void {
  const { digest, size, mediaType, data } = descriptor;
  checkAnnotations(descriptor.annotations, `${where}.annotations`, findings);
  if (data !== undefined) {
    const bytes = inlineData(descriptor);
    if (bytes === undefined || digestOf(bytes, algorithmOf(digest)) !== digest) {
      findings.add({
        severity: 'error',
        code: 'inline-data',
        where: `${where}.data`,
        message: `it is not the content of ${short(digest)}`,
        ...(parent === undefined ? {} : { digest: parent }),
      });
    }
  }
  const file = blobs.get(digest);
  if (file !== undefined) {
    if (file.size === size) return;
    findings.add({
      severity: 'error',
      code: 'blob-size',
      where: `${where}.size`,
      message: `${short(digest)} has ${file.size} bytes instead of ${size}`,
      // The same blob may be pointed to rightly elsewhere.
      digest: role === 'part' && parent !== undefined ? parent : digest,
    });
    return;
  }
  if (role === 'subject') {
    findings.add({
      severity: 'note',
      code: 'subject-absent',
      where,
      message: `it is attached to ${digest}, which is not there`,
    });
  }
  if (role !== 'part') return;
  if (isNonDistributable(mediaType)) {
    findings.add({
      severity: 'note',
      code: 'blob-left-out',
      where,
      message: `${digest} may not be distributed, and is not there`,
    });
    return;
  }
  findings.add({
    severity: 'error',
    code: 'blob-missing',
    where,
    message: `${digest} is not there`,
    hint: 'the archive is incomplete: make it again where the image is complete',
    ...(parent === undefined ? {} : { digest: parent }),
  });
}

async function readDocument(
  { digest, mediaType }: Descriptor,
  inventory: Inventory,
): Promise<ImageDocument | undefined> {
  const { blobs, findings } = inventory;
  const file = blobs.get(digest);
  if (file === undefined) return undefined;
  const raw = file.size > MANIFEST_LIMIT ? undefined : await inventory.bytesOf(file, MANIFEST_LIMIT);
  if (raw !== undefined) return checkDocument({ raw, mediaType, where: file.entry, digest }, findings);
  const tooLarge = file.size > MANIFEST_LIMIT;
  findings.add({
    severity: 'error',
    code: tooLarge ? 'document-invalid' : 'archive-limit',
    where: file.entry,
    message: tooLarge ? `it has ${file.size} bytes, at most ${MANIFEST_LIMIT} are accepted` : NO_BYTES,
    digest,
  });
  return undefined;
}
